#!/usr/bin/env bash
# Scenarios of psql for record.py: psql.sh SCENARIO PORT
rows='select x as naru_alias from (values (1), (2), (3), (4), (5)) v(x);'
long='select count(*) as naru_alias from generate_series(1, 1000000) a, generate_series(1, 1000000) b;'
case $1 in
  start_up) script='select 1 as naru_alias;' ;;
  prepare) script='prepare p(int) as select $1 + 1 as naru_alias; execute p(1); execute p(2); deallocate p;' ;;
  fetch_size) script="\\set FETCH_COUNT 2
$rows" ;;
  error) script='select 1/0 as naru_alias; selec 1; begin; select * from no_such_table; select 1; rollback;' ;;
  cancel) script="$long" ;;
  reset) script="set timezone = 'Asia/Seoul'; discard all; select 1 as naru_alias;" ;;
esac
signal=$([ "$1" = cancel ] && echo "timeout --foreground -s INT 1")
PGPASSWORD=demo $signal psql -X -q -h 127.0.0.1 -p "$2" -U alice -d tpch -f <(echo "$script") >/dev/null 2>&1
true
