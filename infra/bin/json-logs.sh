# Sourced: log lines as JSON on stderr, one object a line, with survey and run ids; for whatever
# runs flows afterwards, e.g. `. infra/bin/json-logs.sh && seisproc run ...`. The worker sources it
# with SEISPROC_LOG=json. Prefect takes each setting of logging.yaml from such a variable.

export PREFECT_LOGGING_LOGGERS_SEISPROC_HANDLERS=json
export PREFECT_LOGGING_LOGGERS_PREFECT_HANDLERS=json
export PREFECT_LOGGING_LOGGERS_PREFECT_FLOW_RUNS_HANDLERS=api,json
export PREFECT_LOGGING_LOGGERS_PREFECT_TASK_RUNS_HANDLERS=api,json
export PREFECT_LOGGING_ROOT_HANDLERS=json
