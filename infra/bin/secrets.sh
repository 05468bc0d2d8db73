# Sourced by the other scripts: takes secrets from the files that variables name, so that units,
# compose files and manifests hold references only. NAME_FILE=/run/secrets/x sets NAME.

for name in PREFECT_SERVER_DATABASE_PASSWORD PREFECT_SERVER_API_AUTH_STRING \
            PREFECT_API_AUTH_STRING AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY; do
    eval "file=\${${name}_FILE:-}"
    if [ -n "$file" ]; then
        if [ ! -r "$file" ]; then
            echo "${name}_FILE=$file: cannot be read; expected a file with the secret" >&2
            exit 78
        fi
        eval "$name=\$(cat \"\$file\") && export $name"
    fi
done
unset name file
