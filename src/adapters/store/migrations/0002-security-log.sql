-- The second log: security events. Its tables are those of the decision log, with the columns that events are searched by.
-- `type` is the event's type, `subject` its resource.

create table security_entries (
  idx integer primary key,
  id text not null,
  type text not null,
  subject text not null,
  at integer not null,
  bytes blob not null check (length(bytes) <= 65535),
  user_id text,
  result text not null check (result in ('success', 'denied', 'error'))
) strict;

-- Each index holds the entry's position after its own column, so that what several filters ask for is a merge of indexes.
create index security_entries_by_type on security_entries (type, idx);
create index security_entries_by_subject on security_entries (subject, idx);
create index security_entries_by_user on security_entries (user_id, idx) where user_id is not null;
create index security_entries_by_result on security_entries (result, idx);
create index security_entries_by_time on security_entries (at, idx);

create table security_nodes (
  level integer not null,
  idx integer not null,
  hash blob not null check (length(hash) = 32),
  primary key (level, idx)
) strict, without rowid;

create table security_checkpoints (
  size integer primary key,
  note text not null
) strict;

create table security_head (
  singleton integer primary key check (singleton = 1),
  size integer not null,
  root blob not null check (length(root) = 32),
  at integer not null
) strict;

insert into security_head (singleton, size, root, at)
values (1, 0, x'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 0);

create trigger security_entries_fixed before update on security_entries begin select raise(abort, 'append-only'); end;
create trigger security_entries_kept before delete on security_entries begin select raise(abort, 'append-only'); end;
create trigger security_nodes_fixed before update on security_nodes begin select raise(abort, 'append-only'); end;
create trigger security_nodes_kept before delete on security_nodes begin select raise(abort, 'append-only'); end;
create trigger security_checkpoints_fixed before update on security_checkpoints begin
  select raise(abort, 'append-only');
end;
create trigger security_checkpoints_kept before delete on security_checkpoints begin
  select raise(abort, 'append-only');
end;
create trigger security_head_kept before delete on security_head begin select raise(abort, 'append-only'); end;
create trigger security_head_grows before update on security_head
when new.size <= old.size or new.at < old.at begin
  select raise(abort, 'append-only');
end;
