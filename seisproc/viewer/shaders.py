"""How neuroglancer colours voxels: small GLSL programs, in the colours of the reports.

A program says what one voxel looks like. Values without a meaning (NaN, 255) are transparent. The
colours are those of :mod:`seisproc.report.plots`: amplitude grey with the highest black, fault
probability a part of inferno that fades in, all else cividis.
"""

from __future__ import annotations

from collections.abc import Sequence

CIVIDIS = (
    "#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369",
    "#e1cc55", "#fee838",
)
"""Matplotlib's map at even steps."""

INFERNO = ("#f98e09", "#e75e2e", "#c43c4e", "#982766", "#6a176e")
"""Matplotlib's map from 0.75 to 0.3: what the reports draw faults with."""

FADE = (0.1, 0.5)
"""Fault probabilities where colour begins, and where it hides what lies beneath."""

_AMPLITUDE = """\
#uicontrol invlerp normalized
void main() {{
{missing}  emitGrayscale(1.0 - normalized());
}}
"""

_NAN = """\
  float amplitude = float(toRaw(getDataValue()));
  if (amplitude != amplitude) { emitTransparent(); return; }
"""

_PACKED = """\
#uicontrol float {control} slider(min=0, max=1, step=0.01, default={default})
{ramp}
void main() {{
  float code = float(toRaw(getDataValue()));
  if (code == {missing}) {{ emitTransparent(); return; }}
  float value = code * {scale} + {offset};
  {emit}
}}
"""

_RAMP = """\
vec3 ramp(float at) {{
  vec3 colours[{count}] = vec3[{count}]({colours});
  float place = clamp(at, 0.0, 1.0) * {last};
  int below = int(min(place, {last} - 1.0));
  return mix(colours[below], colours[below + 1], place - float(below));
}}"""


def amplitude_shader(floating: bool) -> str:
    """Grey, high amplitude black; ``floating``: samples may be NaN."""
    return _AMPLITUDE.format(missing=_NAN if floating else "")


def fault_shader(scale: float, offset: float, missing: float) -> str:
    """Colour of a packed probability: the surer, the more opaque, from a slider's value on."""
    begin, end = FADE
    emit = (
        f"float opacity = clamp((value - least) / {_number(end - begin)}, 0.0, 1.0);\n"
        "  emitRGBA(vec4(ramp(value), opacity));"
    )
    return _packed("least", begin, INFERNO, emit, scale, offset, missing)


def share_shader(scale: float, offset: float, missing: float, top: float = 0.5) -> str:
    """Cividis of a packed number in [0, 1]; a slider says where the colours end."""
    emit = "emitRGB(ramp(value / max(top, 0.01)));"
    return _packed("top", top, CIVIDIS, emit, scale, offset, missing)


def _packed(
    control: str,
    default: float,
    colours: Sequence[str],
    emit: str,
    scale: float,
    offset: float,
    missing: float,
) -> str:
    return _PACKED.format(
        control=control, default=default, ramp=_ramp(colours), emit=emit,
        scale=_number(scale), offset=_number(offset), missing=_number(missing),
    )


def _ramp(colours: Sequence[str]) -> str:
    return _RAMP.format(
        count=len(colours), last=_number(len(colours) - 1), colours=", ".join(map(_vec3, colours))
    )


def _vec3(colour: str) -> str:
    """Colour as GLSL.

    >>> _vec3("#ff8000")
    'vec3(1.0, 0.502, 0.0)'
    """
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return f"vec3({', '.join(str(round(part, 3)) for part in parts)})"


def _number(value: float) -> str:
    """Literal of a float in GLSL, which takes no integer for one.

    >>> _number(1), _number(1 / 254)
    ('1.0', '0.003937007874015748')
    """
    return repr(float(value))
