#!/usr/bin/env bash
# Succeeds when the service of this container is ready. The image has no HTTP client, and bash is enough of one.
set -euo pipefail
admin=${TRIBUTARY_ADMIN:-127.0.0.1:9090}
exec 3<>"/dev/tcp/${admin%:*}/${admin##*:}"
printf 'GET /ready HTTP/1.0\r\n\r\n' >&3
read -r _ status _ <&3
[ "$status" = 200 ]
