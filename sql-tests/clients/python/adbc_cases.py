"""Cases of ADBC's Flight SQL driver: `adbc_cases.py CASE PORT`."""

import datetime as dt
import sys

import adbc_driver_flightsql.dbapi as flight
import adbc_driver_manager

PORT = int(sys.argv[2])


def connect(user: str, password: str = "demo"):
    return flight.connect(f"grpc://127.0.0.1:{PORT}", {"username": user, "password": password}, autocommit=True)


def fails_with(status: str, action) -> None:
    try:
        action()
    except adbc_driver_manager.Error as error:
        assert error.status_code.name == status, f"{status} expected: {error.status_code.name} {error}"
    else:
        raise AssertionError(f"no error, {status} expected")


def fetch(connection, sql: str, parameters=None) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def query() -> None:
    with connect("alice") as connection:
        rows = fetch(connection, "select c_custkey, c_name from customer where c_custkey = 1")
        assert rows == [(1, "Customer#000000001")], rows
        with connection.cursor() as cursor:
            cursor.execute("select l_orderkey from lineitem")
            table = cursor.fetch_arrow_table()
        assert table.num_rows == 60_175, table.num_rows
        assert sum(table.column(0).to_pylist()) == 1_802_759_573


def parameters() -> None:
    with connect("alice") as connection:
        rows = fetch(connection, "select c_name from customer where c_custkey = $1 and c_mktsegment = $2", (1, "BUILDING"))
        assert rows == [("Customer#000000001",)], rows
        rows = fetch(connection, "select $1::text, $2::double precision, $3::date", ("나루", 2.5, dt.date(2024, 2, 29)))
        assert rows == [("나루", 2.5, dt.date(2024, 2, 29))], rows


def errors() -> None:
    with connect("alice") as connection:
        fails_with("INVALID_ARGUMENT", lambda: fetch(connection, "selec 1"))
        fails_with("NOT_FOUND", lambda: fetch(connection, "select * from no_such_table"))
        assert fetch(connection, "select 1") == [(1,)]


def wrong_password() -> None:
    for user in ("alice", "nobody"):
        fails_with("UNAUTHENTICATED", lambda: fetch(connect(user, "wrong"), "select 1"))


def policies() -> None:
    with connect("bob") as bob:
        assert fetch(bob, "select c_phone from customer where c_custkey = 1") == [("XXXXXXXXXXX2988",)]
        assert fetch(bob, "select distinct c_mktsegment from customer") == [("BUILDING",)]
        fails_with("UNAUTHORIZED", lambda: fetch(bob, "select c_acctbal from customer"))
    with connect("carol") as carol:
        assert fetch(carol, "select 1") == [(1,)]
        fails_with("NOT_FOUND", lambda: fetch(carol, "select * from customer"))


def metadata() -> None:
    def tables(user: str) -> dict[str, set[str]]:
        with connect(user) as connection:
            objects = connection.adbc_get_objects(depth="tables").read_all().to_pylist()
        return {
            catalog["catalog_name"]: {
                table["table_name"] for schema in catalog["catalog_db_schemas"] or [] for table in schema["db_schema_tables"] or []
            }
            for catalog in objects
        }

    assert "customer" in tables("bob")["tpch"], tables("bob")
    assert "customer" not in tables("carol").get("tpch", set()), tables("carol")


if __name__ == "__main__":
    globals()[sys.argv[1]]()
