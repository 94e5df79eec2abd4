# The statements of the policy matrix: `{c}` is a column of tpch.tiny.customer. One a line; gateway/tests/it/matrix.rs asks them of
# sessions, sql-tests/tests/it/policy.rs of every door of a running naru.
select {c} from customer
select customer.{c} from tpch.tiny.customer
select x.{c} from customer as x limit 3
select distinct {c} from customer
select count({c}) from customer
select count(distinct {c}) from customer
select min({c}), max({c}) from customer
select array_agg({c}) from customer
select count(*) filter (where {c} is not null) from customer
select {c}, count(*) from customer group by {c}
select {c}, count(*) from customer group by rollup ({c})
select count(*) from customer group by c_nationkey having max({c}) is not null
select row_number() over (order by {c}) from customer
select first_value({c}) over (partition by c_nationkey order by c_custkey) from customer
select 1 from customer where {c} is null
select 1 from customer where {c} in (select {c} from customer)
select c_name from customer order by {c} limit 1
select case when {c} is null then 1 else 0 end from customer
select coalesce(cast({c} as varchar), '?') from customer
select {c} || '!' from customer
with x as (select {c} as v from customer) select v from x
with x(v) as (select {c} from customer) select count(v) from x
with recursive x as (select 1 as n union all select n + 1 from x where n < (select count({c}) from customer) and n < 3) select * from x
select v from (select {c} as v from customer) t
select (select max({c}) from customer)
select n_name from nation where exists (select 1 from customer where {c} is not null and c_nationkey = n_nationkey)
select n_name, (select max({c}) from customer where c_nationkey = n_nationkey) from nation
select exists (select {c} from customer), not exists (select 1 from customer where {c} is null) from nation
select a.{c} from customer a join customer b on a.c_custkey = b.c_custkey
select count(*) from customer a join customer b on a.{c} = b.{c}
select count(*) from customer a join customer b using ({c})
select a.{c} from nation left join customer a on c_nationkey = n_nationkey
select {c} from customer union select {c} from customer
select {c} from customer union all select {c} from customer order by 1 limit 5
select {c} from customer intersect select {c} from customer
explain select {c} from customer
explain analyze select {c} from customer order by {c}
explain verbose select {c} from customer where {c} is not null
explain (analyze, verbose) select max({c}) from customer
prepare p as select {c} from customer; execute p; deallocate p
prepare p(bigint) as select {c} from customer where c_custkey > $1; execute p(0); deallocate p
select count(*) from customer where {c} is not null or c_custkey < 0
select {c} from customer except select {c} from customer where c_custkey < 700
select count(*) from generate_series(1, 3) as g(n) join customer on c_custkey = n where {c} is not null
select x.v from nation, lateral (select max({c}) as v from customer where c_nationkey = n_nationkey) x
select sum(case when {c} is null then 0 else 1 end) over (partition by c_nationkey) from customer
select n_name from nation where n_nationkey not in (select c_nationkey from customer where {c} is null)
select c_custkey from customer group by c_custkey, {c} order by max({c}) limit 2
select distinct on (c_nationkey) c_nationkey, {c} from customer order by c_nationkey, c_custkey
with x as (select {c} as v from customer), y as (select v from x union select v from x) select count(*) from x join y on x.v = y.v
select {c}::varchar from customer where {c}::varchar like '2%'
select length({c}::varchar) from customer order by 1 desc limit 1
select string_agg({c}::varchar, ',') from customer
select grouping({c}), count(*) from customer group by grouping sets (({c}), ())
select lag({c}) over (order by c_custkey) from customer
select {c} as c_custkey from customer order by c_custkey limit 3
declare x cursor with hold for select {c} from customer; fetch all from x; close x
declare x binary cursor with hold for select max({c}) from customer; move 0 in x; fetch next from x; close x
select count(*) from customer a right join customer b using ({c})
select {c}, a.{c}, b.* from customer a full join (select c_custkey, {c} from customer) b using ({c}, c_custkey)
select * from (select c_custkey, {c} from customer) a natural full join (select c_custkey, {c} as v from customer) b
select {c} from customer except all select {c} from customer where c_custkey < 700
select {c} from customer intersect all (select {c} from customer union all select {c} from customer)
select count(*) from customer where {c}::varchar = any(array['x', null]) or {c}::varchar <> all(array['x', null])
select exists (select {c}::varchar || '!' from customer order by c_custkey), exists (select 1 from customer order by {c})
select * from (values ((select max({c}) from customer)), (null)) v
declare x scroll cursor with hold for select {c} from customer; fetch last from x; fetch backward all from x; close x
