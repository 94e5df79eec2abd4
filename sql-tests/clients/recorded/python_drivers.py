"""Scenarios of psycopg and asyncpg for record.py: `python_drivers.py DRIVER SCENARIO PORT`."""

import asyncio
import sys
import threading

driver, scenario, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
LONG = "select count(*) as naru_alias from generate_series(1, 1000000) a, generate_series(1, 1000000) b"
ROWS = "select x as naru_alias from (values (1), (2), (3), (4), (5)) v(x)"


def psycopg_() -> None:
    import psycopg

    with psycopg.connect(host="127.0.0.1", port=port, user="alice", password="demo", dbname="tpch", autocommit=True) as connection:
        match scenario:
            case "start_up":
                connection.execute("select 1 as naru_alias").fetchall()
            case "prepare":
                for i in range(7):
                    connection.execute("select %s::int4 + 1 as naru_alias, %s::text as t", (i, "x"), binary=i % 2 == 1).fetchall()
            case "fetch_size":
                with connection.transaction(), connection.cursor("naru_cursor") as cursor:
                    cursor.itersize = 2
                    cursor.execute(ROWS)
                    assert len(list(cursor)) == 5
            case "error":
                for sql in ("select 1/0 as naru_alias", "selec 1", "select * from no_such_table"):
                    try:
                        connection.execute(sql)
                    except psycopg.Error:
                        pass
                with connection.pipeline() as pipeline:
                    connection.execute("select 1 as naru_alias")
                    pipeline.sync()
                    connection.execute("select 2 as naru_alias")
            case "cancel":
                timer = threading.Timer(1, connection.cancel)
                timer.start()
                try:
                    connection.execute(LONG)
                except psycopg.errors.QueryCanceled:
                    pass
                connection.execute("select 1 as naru_alias")
            case "reset":
                connection.execute("set timezone = 'Asia/Seoul'")
                connection.execute("DISCARD ALL")
                connection.execute("select 1 as naru_alias")


async def asyncpg_() -> None:
    import asyncpg

    connection = await asyncpg.connect(host="127.0.0.1", port=port, user="alice", password="demo", database="tpch")
    match scenario:
        case "start_up":
            await connection.fetch("select 1 as naru_alias")
        case "prepare":
            statement = await connection.prepare("select $1::int4 + 1 as naru_alias, $2::text as t")
            for i in range(3):
                await statement.fetch(i, "x")
        case "fetch_size":
            async with connection.transaction():
                rows = [row async for row in connection.cursor(ROWS, prefetch=2)]
                assert len(rows) == 5
        case "error":
            for sql in ("select 1/0 as naru_alias", "selec 1", "select * from no_such_table"):
                try:
                    await connection.fetch(sql)
                except asyncpg.PostgresError:
                    pass
        case "cancel":
            try:
                await connection.fetch(LONG, timeout=1)
            except asyncio.TimeoutError:
                pass
            await connection.fetch("select 1 as naru_alias")
        case "reset":
            await connection.execute("set timezone = 'Asia/Seoul'")
            await connection.reset()
            await connection.fetch("select 1 as naru_alias")
    await connection.close()


if driver == "psycopg":
    psycopg_()
else:
    asyncio.run(asyncpg_())
