"""Where the work runs: this process, this machine, a batch system, Kubernetes, or an address.

A :class:`ClusterSpec` says which; :func:`open_cluster` starts it and yields its address, which is
all that a stage of work needs; :func:`connect` turns an address into a client whose workers run
this very code, or are refused. The address ``""`` stands for this very process, and its client is
None.

::

    spec --open_cluster--> address --connect--> client      (start, connection)
             kinds: what each library is told                 |
             environment: what every worker gets              +-- installation: same code?
                                                              +-- leaving: SIGTERM, leaks
"""

from seisproc.cluster.asking import ask
from seisproc.cluster.connection import connect
from seisproc.cluster.environment import ALLOCATOR, WORKER_ENVIRONMENT
from seisproc.cluster.installation import code_hash
from seisproc.cluster.options import require_usable
from seisproc.cluster.resources import GPU, gpu_resources, offers_gpu
from seisproc.cluster.spec import KINDS, ClusterSpec
from seisproc.cluster.start import open_cluster

__all__ = [
    "ALLOCATOR",
    "GPU",
    "KINDS",
    "WORKER_ENVIRONMENT",
    "ClusterSpec",
    "ask",
    "code_hash",
    "connect",
    "gpu_resources",
    "offers_gpu",
    "open_cluster",
    "require_usable",
]
