"""What Naru and PostgreSQL 15 send for the same statements, byte by byte: `wire_cases.py CASE NARU_PORT POSTGRESQL_PORT`.

libpq hands out what came over the wire; what differs is listed, all of it, and fails the case.
"""

import sys

import psycopg
from psycopg import pq

NARU, POSTGRESQL = int(sys.argv[2]), int(sys.argv[3])

# Rows with everything that a COPY has to escape.
HARD = """(values (1, 'plain', null), (2, '', 'a,b'), (3, E'tab\\tnew\\nline', E'cr\\r back\\\\slash'), (4, '"quoted"', 'it''s'),
 (5, '\\N', '\\.'), (6, E'\\b\\f\\v\\x01', '나루'), (7, ';|', 'NULL'), (8, ' space ', '''')) as hard(i, a, "B c")"""


def connect(port: int) -> psycopg.Connection:
    user, database = ("alice", "tpch") if port == NARU else ("postgres", "postgres")
    connection = psycopg.connect(
        host="127.0.0.1", port=port, user=user, password="demo", dbname=database, autocommit=True, client_encoding="utf8"
    )
    connection.execute("set time zone 'UTC'")
    return connection


def state(result: pq.PGresult) -> str:
    return (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()


def copied(connection: psycopg.Connection, sql: str):
    """The bytes of a COPY with its format codes, or its SQLSTATE."""
    raw = connection.pgconn
    result = raw.exec_(sql.encode())
    if result.status == pq.ExecStatus.FATAL_ERROR:
        return state(result)
    assert result.status == pq.ExecStatus.COPY_OUT, (sql, result.status)
    formats = [result.fformat(i) for i in range(result.nfields)]
    messages = []
    while True:
        length, data = raw.get_copy_data(0)
        if length == -1:
            break
        messages.append(bytes(data))
    end = raw.get_result()
    while raw.get_result():
        pass
    if end.status == pq.ExecStatus.FATAL_ERROR:
        return state(end)
    return formats, messages, end.command_status


def same(read, statements) -> None:
    """Both servers give the same; `read(connection, sql)` is what counts."""
    differences = []
    with connect(NARU) as naru, connect(POSTGRESQL) as postgresql:
        for sql in statements:
            ours, theirs = read(naru, sql), read(postgresql, sql)
            if ours != theirs:
                differences.append(f"{sql}\n  naru       {ours}\n  postgresql {theirs}")
    assert not differences, f"{len(differences)} differ:\n" + "\n".join(differences)


def copy() -> None:
    query = f"(select * from {HARD} order by 1)"
    formats = [
        "", "csv", "csv header", "with csv header", "(format text)", "(format csv)", "(format 'csv')", "(format csv, header)",
        "(format csv, header true)", "(format csv, header on)", "(format csv, header 1)", "(format csv, header false)",
        "(format csv, header 'off')", "(header)", "(format text, header, delimiter '|')", "delimiter '|'", "with delimiter as '|' null as 'none'",
        "delimiter E'\\x01'", "(delimiter E'\\t', null '')", "(format csv, delimiter ';')", "csv delimiter ';' header quote '''' escape '\\'",
        "(format csv, quote '''', escape '\"')", "(format csv, null 'NULL')", "(format csv, force_quote *)", "(format csv, force_quote (a))",
        "(format csv, force_quote (a, \"B c\"), header)", "csv force quote a", "csv force quote *", "csv null 'x' force quote i, a",
        "(format csv, encoding 'utf8')", "encoding 'UTF8'", "(format csv, freeze false)", "csv null as '' delimiter as ','",
        "(format csv, delimiter E'\\t', null '\\N')", "with (format csv, escape '\\')", "(format csv, delimiter 'x')", "(null 'plain')", "(format csv, null 'plain')",
    ]
    statements = [f"copy {query} to stdout {options}" for options in formats]
    typed = """(select true, 1::int2, 2::int4, 3::int8, 1.5::float4, 2.5::float8, 12.50::numeric(10,2), date '2024-02-29',
        timestamp '2024-02-29 13:14:15.5', interval '1 day', '{1,2}'::int4[], '\\x00ff'::bytea, null::text, ''::text)"""
    for options in ("", "csv", "(format binary)", "with binary"):
        statements.append(f"copy {typed} to stdout {options}")
        statements.append(f"copy (select 1::int as a where false) to stdout {options}")
        statements.append(f"copy (select '\\.'::text as a) to stdout {options}")
        statements.append(f"copy (select a from (values (1, ''::text), (2, null)) v(i, a) order by i) to stdout {options}")
    statements.append("copy (select 1::int) to stdin")
    statements.append("copy (with a as (select 1::int as x) select x from a) to stdout")
    statements.append("copy (values (1::int, 'a'), (2::int, 'b')) to stdout csv")
    same(copied, statements)


def copy_errors() -> None:
    options = [
        "(format nonsense)", "(nonsense)", "(format csv, format text)", "(delimiter 'ab')", "(delimiter '')", "(delimiter E'\\n')", "(delimiter 'a')", "(delimiter '1')",
        "(delimiter '.')", "(delimiter '\\')", "(null E'a\\nb')", "(quote '\"')", "(escape '\"')", "(force_quote *)", "(force_quote (a))",
        "(format csv, quote 'ab')", "(format csv, escape '')", "(format csv, delimiter '\"')", "(format csv, null 'a,b')", "(format csv, null 'a\"b')",
        "(null E'a\\tb')", "(format binary, delimiter ',')", "(format binary, null '')", "(format binary, header)", "(format csv, force_quote (nope))",
        "(format csv, force_not_null (a))", "(format csv, force_null (a))", "(freeze)", "(header maybe)", "(header match)",
        "(format csv, header 2)", "(format csv, delimiter)", "(format)", "(null)", "(format csv, quote)", "(format csv, force_quote)",
        "csv csv", "csv nonsense", "(format csv header)", "delimiter", "(encoding 'nonsense_8')",
    ]
    # An encoding that is none has an SQLSTATE of its own in PostgreSQL; every encoding but UTF8 is refused in the same way here.
    same(copied, [f"copy (select 1::int as a) to stdout {option}" for option in options if "encoding" not in option])
    same(copied, ["copy (select 1/0) to stdout", "copy (select nope) to stdout", "copy no_such_table to stdout",
                  "copy () to stdout", "copy (select 1) to", "copy to stdout"])
    with connect(NARU) as naru:
        for sql, expected in [
            ("copy region from stdin", "25006"), ("copy region from '/etc/passwd'", "25006"), ("copy region from program 'id'", "25006"),
            ("copy region to '/tmp/naru-must-not-exist'", "42501"), ("copy (select 1) to program 'id'", "42501"),
            ("copy (select 1 into t) to stdout", "25006"), ("copy (select 1) to stdout (encoding 'latin1')", "0A000"),
        ]:
            assert copied(naru, sql) == expected, (sql, copied(naru, sql))
        assert copied(naru, "copy region (r_name) to stdout")[1][0] == b"AFRICA\n"
        assert copied(naru, "copy tpch.tiny.region to stdout csv")[2] == b"COPY 5"


def answers(connection: psycopg.Connection, script: str):
    """What each statement of a script gives: one Query a line."""
    found = []
    for sql in script.strip().splitlines():
        connection.pgconn.send_query(sql.strip().encode())
        while result := connection.pgconn.get_result():
            rows = [[result.get_value(row, column) for column in range(result.nfields)] for row in range(result.ntuples)]
            formats = [result.fformat(column) for column in range(result.nfields)]
            found.append((state(result), result.command_status, rows, formats))
    # The next script begins outside of a transaction, and without cursors.
    connection.pgconn.exec_(b"rollback")
    connection.pgconn.exec_(b"close all")
    return found


FIVE = "select i::int from (values (1), (2), (3), (4), (5)) as five(i) order by i"


def cursors() -> None:
    declare = f"declare c no scroll cursor for {FIVE}"
    block = f"begin\n{declare}\n"
    held = f"declare h no scroll cursor with hold for {FIVE}"
    forward = [
        "fetch c", "fetch from c", "fetch in c", "fetch next from c", "fetch next c", "fetch 2 from c", "fetch 2 c", "fetch +2 in c", "fetch forward from c",
        "fetch forward c", "fetch forward 3 from c", "fetch all from c", "fetch all c", "fetch forward all in c", "fetch 99 c", "fetch first from c",
        "fetch absolute 1 c", "fetch absolute 3 from c", "fetch absolute 99 from c", "fetch absolute 0 from c", "fetch relative 1 from c", "fetch relative 3 from c",
        "fetch 0 from c", "fetch forward 0 from c", "move 2 in c", "move c", "move all from c", "move forward 3 from c", "move forward all c", "move absolute 4 from c",
        "move relative 2 c", "move 0 in c", "move absolute 0 from c", "fetch backward -2 from c",
    ]
    backward = [
        "fetch prior from c", "fetch backward from c", "fetch backward 1 from c", "fetch backward all from c", "fetch -1 from c", "fetch absolute 1 from c",
        "fetch first from c", "fetch relative -1 from c", "fetch relative 0 from c", "fetch 0 from c", "move backward 1 from c", "move -1 in c", "fetch forward -1 from c",
        "fetch absolute 0 from c",
    ]
    scripts = [f"{block}{one}\nfetch 1 from c\nfetch all from c\nfetch 1 from c\nmove 1 in c" for one in forward]
    scripts += [f"{block}fetch 2 from c\n{one}\nfetch 1 from c" for one in backward]
    scrolling = f"begin\ndeclare c scroll cursor for {FIVE}\n"
    anywhere = forward + backward + ["fetch last from c", "fetch absolute -2 from c", "fetch absolute -9 from c", "move backward all in c", "move last in c", "fetch relative -9 from c"]
    scripts += [f"{scrolling}move {steps} in c\n{one}\nfetch 1 from c\nfetch backward 2 from c\nfetch all from c\nfetch -1 from c" for steps in (0, 3, 99) for one in anywhere]
    scripts += [
        # Where a cursor may be declared, and how long it lives.
        declare, f"{declare}\nfetch 1 from c", f"select 1; {declare}; fetch 2 from c\nfetch 1 from c", f"{block}commit\nfetch 1 from c", f"{block}rollback\nfetch 1 from c",
        f"{held}\nfetch 2 from h\nfetch 2 from h\nclose h\nfetch 1 from h", f"begin\n{held}\nfetch 2 from h\ncommit\nfetch 2 from h\nfetch all from h",
        f"begin\n{held}\nrollback\nfetch 1 from h", f"begin\n{held}\nselect nope\ncommit\nfetch 1 from h", f"{held}\nbegin\nselect nope\nrollback\nfetch 1 from h",
        f"begin;{held};fetch 3 in h\nfetch 3 in h\nclose h\ncommit", f"begin; {declare}; fetch 1 from c; commit; fetch 1 from c",
        f"{held}; select nope\nfetch 1 from h", f"select 1; {held}\nfetch 1 from h",
        # Names.
        f"{block}{declare}\nfetch 1 from c", "fetch 1 from nowhere", "close nowhere", "close all", "move 1 in nowhere", f"{block}close c\nfetch 1 from c", f"{block}close all\nfetch 1 from c",
        f'begin\ndeclare "C d" no scroll cursor for {FIVE}\nfetch 1 from "C d"\nfetch 1 from c', f"begin\ndeclare next cursor for {FIVE}\nfetch next\nfetch 2 in next\nfetch next next",
        f"begin\ndeclare C cursor for {FIVE}\nfetch c\nmove C\nfetch 1 C",
        # Binary, and other words.
        f"begin\ndeclare c binary no scroll cursor for {FIVE}\nfetch 2 from c", f"begin\ndeclare c insensitive no scroll cursor without hold for {FIVE}\nfetch 2 from c",
        f"begin\ndeclare c asensitive no scroll cursor for {FIVE}\nfetch 2 from c", "begin\ndeclare c no scroll cursor for select 1/(i-1) from generate_series(1, 2) v(i)\nfetch 1 from c\nfetch 1 from c",
        "begin\ndeclare c no scroll cursor for select nope", "begin\ndeclare c no scroll cursor for values (1), (2)\nfetch all c", "begin\ndeclare c cursor for drop table t",
        "begin\ndeclare c no scroll cursor for with a as (select 1 as x) select x from a\nfetch all c", f"{block}discard all", f"{held}\ndiscard all\nfetch 1 from h",
        "fetch", "move", "fetch sideways 1 from c", "fetch 1.5 from c", "declare c cursor",
        # What lists them.
        f"{block}select name, is_holdable, is_binary, is_scrollable from pg_cursors order by name\nclose c\nselect count(*) from pg_cursors",
    ]
    same(answers, scripts)
    with connect(NARU) as naru:
        statement = answers(naru, f"{held}\nselect statement from pg_cursors")[1][2][0][0].decode()
        assert statement == held, statement


# One expression a line. Where PostgreSQL says it otherwise, its words follow behind `==`.
TYPES = r"""
true
false
null::boolean
'-32768'::int2
32767::int2
'-2147483648'::int4
'-9223372036854775808'::int8
9223372036854775807::int8
0.1::float4
'1e-5'::float8
'1e15'::float8
'123456789012345678'::float8
'NaN'::float8
'Infinity'::float8
'-Infinity'::float4
'-0'::float8
1.50::numeric(10,2)
'-0.05'::numeric(4,2)
0::numeric(5,3)
12345678901234567890.1234567890::numeric(38,10)
'-99999999999999999999999999999999999999'::numeric(38,0)
'1234567890123456789012345678901234567890123456789012345678901234567890123456'::numeric(76,0)
'-123456789012345678901234567890123456789012345678901234567890.1234567890123456'::numeric(76,16)
10000::numeric(10,0)
0.0001::numeric(10,4)
100000000.00010000::numeric(20,8)
''::text
E'tab\tquote"back\\slash'::text
'나루 ünï'::text
null::text
'\x'::bytea
'\x00ff41'::bytea
date '2024-02-29'
date '1969-12-31'
date '0001-01-01'
date '9999-12-31'
timestamp '2024-01-31 04:05:06'
timestamp '2024-01-31 04:05:06.5'
timestamp '2024-01-31 04:05:06.123456'
timestamp '1969-12-31 23:59:59.999999'
timestamp '0001-01-01 00:00:00'
timestamp '9999-12-31 23:59:59'
timestamptz '2024-01-31 04:05:06+00'
timestamptz '2024-07-01 12:00:00+09'
timestamptz '1883-01-01 00:00:00+00'
timestamptz '1969-07-20 20:17:40.25+00'
timestamptz '2024-03-10 06:59:59+00'
timestamptz '2024-03-10 07:00:00+00'
timestamptz '2024-11-03 05:30:00+00'
timestamptz '2024-11-03 06:30:00+00'
time '00:00:00'
time '23:59:59.999999'
time '04:05:06.7'
interval '0 days'
interval '1 day'
interval '1 year 2 months 3 days 4 hours 5 minutes 6.5 seconds'
interval '-1 year'
interval '1 month -1 day'
interval '-1 day 1 hour'
interval '100 hours'
timestamp '2024-01-03 01:02:03' - timestamp '2024-01-01 00:00:00'
timestamp '2024-01-01 00:00:00' - timestamp '2024-01-02 01:02:03'
array[1,2,3]::int4[]
array[1,null,3]::int8[]
array[]::int4[]
array['a', 'b,c', '', 'NULL', null, 'q"uo\te', '{x}', ' y']::text[]
array[1.50, 2.25]::numeric(5,2)[]
array[true, false]::boolean[]
array[0.5, 1e20]::float8[]
array[date '2024-01-01']::date[]
array[timestamp '2024-01-01 00:00:00']
array[array[1,2], array[3,4]]::int4[][]
array[array['a'], array['b c']]
array['\x00'::bytea]
array[interval '1 day']
null::int4[]
named_struct('a', 1::int, 'b', 'x') == jsonb_build_object('a', 1, 'b', 'x')
named_struct('long', null::int, 'a', array[1::int, null], 's', named_struct('x', true)) == jsonb_build_object('long', null, 'a', array[1, null], 's', jsonb_build_object('x', true))
named_struct('f', 1e20::float8, 'n', 1.50::numeric(5,2), 'd', date '2024-01-01', 't', timestamp '2024-01-01 01:02:03.5') == jsonb_build_object('f', 1e20::float8, 'n', 1.50, 'd', date '2024-01-01', 't', timestamp '2024-01-01 01:02:03.5')
named_struct('t', timestamptz '2024-01-01 01:02:03+00', 'q', 'q"\ü') == jsonb_build_object('t', timestamptz '2024-01-01 01:02:03+00', 'q', 'q"\ü')
map(make_array('bb', 'a'), make_array(1::int, null)) == jsonb_build_object('bb', 1, 'a', null)
array[named_struct('a', 1::int)] == array[jsonb_build_object('a', 1)]
arrow_cast('x', 'Dictionary(Int32, Utf8)') == 'x'::text
arrow_cast('x', 'Utf8View') == 'x'::text
arrow_cast('x', 'LargeUtf8') == 'x'::text
arrow_cast('ab', 'BinaryView') == 'ab'::bytea
arrow_cast(1.5, 'Float16') == 1.5::float4
arrow_cast(255, 'UInt8') == 255::int2
arrow_cast(65535, 'UInt16') == 65535::int4
arrow_cast(4294967295, 'UInt32') == 4294967295::int8
arrow_cast(18446744073709551615, 'UInt64') == 18446744073709551615::numeric(20,0)
arrow_cast('2024-01-31T04:05:06', 'Timestamp(Second, None)') == timestamp '2024-01-31 04:05:06'
arrow_cast('2024-01-31T04:05:06.123456789', 'Timestamp(Nanosecond, None)') == timestamp '2024-01-31 04:05:06.123456'
arrow_cast('2024-01-31T04:05:06', 'Timestamp(Millisecond, Some("-08:00"))') == timestamptz '2024-01-31 04:05:06-08'
arrow_cast('2024-01-31', 'Date64') == date '2024-01-31'
arrow_cast(90061, 'Duration(Second)') == interval '1 day 01:01:01'
arrow_cast('00:00:05', 'Time32(Second)') == time '00:00:05'
arrow_cast(arrow_cast('ab', 'Binary'), 'FixedSizeBinary(2)') == 'ab'::bytea
arrow_cast(150, 'Decimal32(9, 2)') == 150::numeric(9,2)
arrow_cast(150, 'Decimal64(18, 2)') == 150::numeric(18,2)
arrow_cast(array[1,2], 'LargeList(Int32)') == array[1,2]::int4[]
arrow_cast(array[1,2], 'FixedSizeList(2, Int32)') == array[1,2]::int4[]
"""
ZONES = ["UTC", "Asia/Kolkata", "America/New_York", "Asia/Seoul"]


def expressions() -> list[tuple[str, str]]:
    halves = [line.split(" == ") for line in TYPES.strip().splitlines()]
    return [(half[0], half[-1]) for half in halves]


def ways(connection: psycopg.Connection, expression: str):
    """A value on every way out: type, modifier and bytes, or the SQLSTATE."""
    raw, sql = connection.pgconn, f"select {expression} as value".encode()
    found = {}
    for name, result in [
        ("simple", raw.exec_(sql)), ("text", raw.exec_params(sql, None)), ("binary", raw.exec_params(sql, None, result_format=1)),
    ]:
        found[name] = state(result) or (result.ftype(0), result.fmod(0), result.get_value(0, 0))
    for form in ("text", "csv", "binary"):
        found[f"copy {form}"] = copied(connection, f"copy (select {expression} as value) to stdout (format {form})")
    return found


def types() -> None:
    differences = []
    with connect(NARU) as naru, connect(POSTGRESQL) as postgresql:
        for zone in ZONES:
            for connection in (naru, postgresql):
                connection.execute(f"set time zone '{zone}'".encode())
            for ours, theirs in expressions():
                if zone != "UTC" and "timestamptz" not in theirs:
                    continue
                left, right = ways(naru, ours), ways(postgresql, theirs)
                wrong = [f"  {way}: {left[way]} instead of {right[way]}" for way in right if left[way] != right[way]]
                if wrong:
                    differences.append("\n".join([f"{ours} ({zone})", *wrong]))
    assert not differences, f"{len(differences)} differ:\n" + "\n".join(differences)


# Statements with parameters of no declared type. What Naru answers otherwise than PostgreSQL follows behind `==`: a count or
# a position is bigint here, varchar is text, and types that Naru does not have are refused.
PARAMETERS = """
select $1
select $1::int4
select cast($1 as date)
select $1::text, $2::numeric
select $1::int4[]
select $1::timestamptz
select 1::int4 = $1
select $1 = 1::int8
select $1 < 1.5::numeric(5,2)
select $1 <> 'x'::text
select date '2024-01-01' = $1
select $1 between date '2024-01-01' and $2
select 5::int4 between $1 and $2
select timestamp '2024-01-01 00:00:00' > $1
select timestamptz '2024-01-01 00:00:00+00' <= $1
select true = $1
select $1 = '\\x00'::bytea
select 0.5::float8 * $1
select $1 + 1::int8
select 1::int4 - $1
select $1 || 'x'::text
select 'x'::text like $1
select $1 like 'x%'
select 'x'::text ilike $1
select 1::int4 in ($1, $2)
select 'x'::text in ($1, 'y')
select $1 in (1::int8, 2::int8)
select 1::int4 = any($1)
select 'x'::text = any($1)
select case when $1 then 1::int4 else 2::int4 end
select case 1::int4 when $1 then 'a' end
select case when true then $1 else 1::int4 end
select case when true then $1 else 'x'::text end
select coalesce($1, 1::int4)
select coalesce($1, 'x'::text)
select nullif($1, 1::int4)
select nullif('x'::text, $1)
select greatest(1::int8, $1)
select not $1
select $1 and true
select $1 is true
select length($1)
select upper($1)
select lower($1)
select substr('abc'::text, $1, $2) == [20, 20]
select replace('abc'::text, $1, $2)
select left('abc'::text, $1) == [20]
select lpad('abc'::text, $1, $2) == [20, 25]
select split_part('a,b'::text, $1, $2) == [25, 20]
select strpos('abc'::text, $1)
select concat($1, $2) == [25, 25]
select date_trunc($1, timestamp '2024-01-01 00:00:00')
select sqrt($1)
select $1 is null
select $1 = $2
select a from (values (1::int4)) v(a) where a = $1
select a from (values (1::int4)) v(a) where $1
select a from (values (1::int4)) v(a) order by a limit $1
select a from (values (1::int4)) v(a) order by a limit $1 offset $2
select a from (values ('x'::text)) v(a) where a in ($1, $2) and a like $3
select a, count(*) from (values (1::int4)) v(a) group by a having count(*) > $1
select sum(a) from (values (1::int4)) v(a) where a > $1
select (select max(a) from (values (1::int4)) v(a) where a < $1)
select 1 where exists (select 1 from (values (1::int4)) v(a) where a = $1)
select a from (values (1::int4)) v(a) where a in (select b from (values (1::int4)) w(b) where b > $1)
with c as (select 1::int4 as a) select a from c where a = $1
select 1::int4 union all select $1
select $1::int4 + $1
select $1, $1::int4 == [23]
select $2::int4
values ($1::int4, $2::text)
select $1::interval
select $1::json == 0A000
select $1::jsonb == 0A000
select $1::uuid == 0A000
select $1::time
select $1::bool
select $1::float4
select $1::varchar == [25]
"""


def described(connection: psycopg.Connection, sql: str):
    """The types of a statement's parameters, or its SQLSTATE."""
    raw = connection.pgconn
    prepared = raw.prepare(b"", sql.encode())
    if prepared.status == pq.ExecStatus.FATAL_ERROR:
        return state(prepared)
    result = raw.describe_prepared(b"")
    return [result.param_type(index) for index in range(result.nparams)]


def parameters() -> None:
    differences = []
    with connect(NARU) as naru, connect(POSTGRESQL) as postgresql:
        for line in PARAMETERS.strip().splitlines():
            sql, _, known = line.partition(" == ")
            ours, theirs = described(naru, sql), described(postgresql, sql)
            expected = known or str(theirs)
            if str(ours) != expected:
                differences.append(f"{sql}: {ours} instead of {theirs}")
    assert not differences, f"{len(differences)} differ:\n" + "\n".join(differences)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
