-- Directives go as a whole: from one commit on they are not there for anybody, and what is left of them is cleared away in parts.
--
--   removed           which went, and when: nothing new takes such an id as long as this row is there
--   removed.cleared   nothing else of it is stored any more
--   writ.remove       takes directives away, in the commit of the holder of their shard        → WR002 when one has changed meanwhile
--   writ.clear        deletes a part of what is left of one of them; whether there is more. Nobody reads or writes these rows

create table writ.removed (
  key     text collate "C" primary key,
  at      bigint not null,
  cleared boolean not null default false
);
create index removed_uncleared on writ.removed (key) where not cleared;
create index removed_at on writ.removed (at) where cleared;
-- In the order of their age, whoever's they are: how those that have outlived their time are found. Written once for each.
create index directives_at on writ.directives (at, key);

create function writ.remove(p jsonb) returns void
language plpgsql as $$
declare
  row record;
begin
  for row in select * from jsonb_to_recordset(p) as r(key text, version bigint) loop
    delete from writ.actors a where a.key = row.key and a.version = row.version;
    if not found then
      raise exception using errcode = 'WR002', message = format('%s is not at version %s', row.key, row.version);
    end if;
    delete from writ.directives d where d.key = row.key;
    insert into writ.removed (key, at) values (row.key, writ.now());
  end loop;
end $$;

-- Of each table so many rows, found along its index. Messages go last: until then whoever holds the shard may take them.
create function writ.clear(rows_ integer) returns boolean
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  gone text;
  place record;
  n bigint;
  total bigint := 0;
begin
  select r.key into gone from writ.removed r where not r.cleared order by r.key limit 1 for update skip locked;
  if gone is null then return false; end if;
  for place in select * from (values
    ('faulted', 'key'), ('timers', 'key'), ('ready', 'actor'), ('held', 'directive'), ('actors', 'key'), ('journal', 'key'),
    ('events', 'directive'), ('chains', 'directive'), ('evaluations', 'directive'), ('parked', 'actor')) as t(name, key)
  loop
    total := total + writ.clear_part(place.name, format('%I = %L', place.key, gone), rows_);
    total := total + writ.clear_part(place.name, format('%1$I >= %2$L and %1$I < %3$L', place.key, gone || '__', gone || '_`'), rows_);
  end loop;
  for place in select * from (values ('tasks', 'id'), ('attempts', 'task'), ('files', 'contract')) as t(name, key) loop
    total := total + writ.clear_part(place.name, format('owner = %2$L and %1$I >= %3$L and %1$I < %4$L',
      place.key, split_part(gone, '/', 1), split_part(gone, '/', 2) || '__', split_part(gone, '/', 2) || '_`'), rows_);
  end loop;
  if total = 0 then
    delete from writ.messages m where m."to" = gone;
    delete from writ.messages m where m."to" >= gone || '__' and m."to" < gone || '_`';
    update writ.removed r set cleared = true where r.key = gone;
  end if;
  return true;
end $$;

create function writ.clear_part(name_ text, which text, rows_ integer) returns bigint
language plpgsql
set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  n bigint;
begin
  execute format('delete from writ.%1$I where ctid = any(array(select ctid from writ.%1$I where %2$s limit %3$s))', name_, which, rows_);
  get diagnostics n = row_count;
  return n;
end $$;
