# Fills shard $SHARD of docker-compose.yml with what the same shard of `make stack` holds; a test compares. The entrypoint of
# MySQL's image sources this when a server starts for the first time, so it is not executable.
folder=${STACK_FOLDER:-/stack}

requests() {
  echo 'SET @shards = 4, @users = 20000;'
  echo "SET @first = $1, @step = $2, @rows = $3;"
  cat "$folder/requests.sql"
}

{
  if [ "$SHARD" -eq 0 ]; then
    requests 1 1 1000000
    echo 'RENAME TABLE api_request TO api_request_all;'
    requests 4 4 250000
  else
    requests "$SHARD" 4 250000
  fi
  cat "$folder/users.sql"
} | docker_process_sql
