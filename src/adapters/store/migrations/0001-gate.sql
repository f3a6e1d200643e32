-- Everything the gate remembers. Records whose members no query looks at are JSON beside the columns that queries use.
-- Times are milliseconds since 1970; digests are lower-case hex; `seq` is the order of arrival.

-- Kept by triggers in the transaction of the change itself, so that nobody ever has to count rows.
create table counters (
  name text primary key,
  value integer not null
) strict, without rowid;

insert into counters (name, value) values
  ('deliveries.queued', 0), ('deliveries.done', 0), ('deliveries.ignored', 0), ('deliveries.dead', 0),
  ('jobs.queued', 0), ('jobs.dead', 0), ('jobs.writes', 0), ('probes', 0);

create table deliveries (
  seq integer primary key,
  guid text not null unique,
  event text not null,
  action text,
  repository integer,
  number integer,
  received_at integer not null,
  body_digest text not null,
  has_body integer not null check (has_body in (0, 1)),
  via text not null check (via in ('webhook', 'gap-closing')),
  state text not null check (state in ('queued', 'done', 'ignored', 'dead')),
  reason text,
  finished_at integer
) strict;

-- Apart from their rows, so that a change of state does not write the body again.
create table delivery_bodies (
  seq integer primary key references deliveries (seq),
  encoding integer not null check (encoding in (0, 1)),
  bytes blob not null
) strict;

create index deliveries_by_state on deliveries (state, seq);
create index deliveries_to_prune on deliveries (finished_at) where has_body = 1 and finished_at is not null;

create trigger deliveries_counted after insert on deliveries begin
  update counters set value = value + 1 where name = 'deliveries.' || new.state;
end;
create trigger deliveries_recounted after update of state on deliveries when old.state <> new.state begin
  update counters set value = value - 1 where name = 'deliveries.' || old.state;
  update counters set value = value + 1 where name = 'deliveries.' || new.state;
end;
create trigger deliveries_stay before delete on deliveries begin
  select raise(abort, 'a delivery is never deleted');
end;

create table jobs (
  seq integer primary key,
  id text not null unique,
  lane text not null,
  kind text not null,
  data text not null,
  due_at integer not null,
  attempts integer not null,
  state text not null check (state in ('queued', 'dead')),
  last_error text,
  version integer not null
) strict;

create index jobs_in_order on jobs (seq, due_at, attempts, lane) where state = 'queued';
create index jobs_in_lane on jobs (lane, seq, due_at, attempts) where state = 'queued';
create index jobs_by_due_time on jobs (due_at) where state = 'queued';
create index jobs_dead on jobs (seq) where state = 'dead';

create trigger jobs_counted after insert on jobs begin
  update counters set value = value + 1 where name = 'jobs.' || new.state;
end;
create trigger jobs_uncounted after delete on jobs begin
  update counters set value = value - 1 where name = 'jobs.' || old.state;
end;
create trigger jobs_recounted after update of state on jobs when old.state <> new.state begin
  update counters set value = value - 1 where name = 'jobs.' || old.state;
  update counters set value = value + 1 where name = 'jobs.' || new.state;
end;

create table repositories (
  id integer primary key,
  record text not null
) strict;

create table changes (
  repository integer not null,
  number integer not null,
  version integer not null,
  state text not null check (state in ('open', 'closed', 'merged')),
  head text not null,
  pass_base_ref text,
  landed text,
  record text not null,
  primary key (repository, number)
) strict;

create index changes_open on changes (repository, number) where state = 'open';
create index changes_by_head on changes (repository, head, number);
create index changes_to_land on changes (repository, pass_base_ref, number)
  where pass_base_ref is not null and landed is null and state <> 'closed';

create table checks (
  seq integer primary key,
  repository integer not null,
  head text not null,
  base_ref text not null,
  created_at integer,
  is_unsettled integer not null check (is_unsettled in (0, 1)),
  is_closed integer not null check (is_closed in (0, 1)),
  record text not null,
  unique (repository, head, base_ref)
) strict;

create index checks_unsettled on checks (seq) where is_closed = 0 and is_unsettled = 1;
create index checks_by_age on checks (created_at) where is_closed = 0;
create index checks_not_closed on checks (seq) where is_closed = 0;

create table statements (
  seq integer primary key,
  entry integer not null,
  repository integer not null,
  number integer not null,
  person integer not null,
  payload_digest text not null,
  nonce text not null unique,
  -- The person whom `suspend` and `lift` are about; null for every other decision.
  target integer,
  record text not null,
  unique (payload_digest, person)
) strict;

create index statements_of_change on statements (repository, number, entry);
create index statements_of_person on statements (repository, number, person);
create index statements_about_person on statements (target, entry) where target is not null;

create table commands (
  repository integer not null,
  comment_id integer not null,
  at integer not null,
  primary key (repository, comment_id)
) strict, without rowid;

create table policies (
  epoch integer primary key,
  record text not null
) strict;

create table keyrings (
  seq integer primary key,
  digest text not null,
  entry integer not null,
  keyring text not null
) strict;

create table blobs (
  digest text primary key,
  encoding integer not null check (encoding in (0, 1)),
  bytes blob not null
) strict;

create table log_entries (
  idx integer primary key,
  id text not null,
  type text not null,
  subject text,
  at integer not null,
  bytes blob not null check (length(bytes) <= 65535)
) strict;

create index log_entries_by_type on log_entries (type, idx);
create index log_entries_by_subject on log_entries (subject, idx) where subject is not null;

create table log_nodes (
  level integer not null,
  idx integer not null,
  hash blob not null check (length(hash) = 32),
  primary key (level, idx)
) strict, without rowid;

create table log_checkpoints (
  size integer primary key,
  note text not null
) strict;

create table log_head (
  singleton integer primary key check (singleton = 1),
  size integer not null,
  root blob not null check (length(root) = 32),
  at integer not null
) strict;

insert into log_head (singleton, size, root, at)
values (1, 0, x'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 0);

create table cursors (
  name text primary key,
  value text not null
) strict, without rowid;

create table findings (
  seq integer primary key,
  id text not null unique,
  record text not null
) strict;

-- What the log and the votes say is added to and never changed.
create trigger log_entries_fixed before update on log_entries begin select raise(abort, 'append-only'); end;
create trigger log_entries_kept before delete on log_entries begin select raise(abort, 'append-only'); end;
create trigger log_nodes_fixed before update on log_nodes begin select raise(abort, 'append-only'); end;
create trigger log_nodes_kept before delete on log_nodes begin select raise(abort, 'append-only'); end;
create trigger log_checkpoints_fixed before update on log_checkpoints begin select raise(abort, 'append-only'); end;
create trigger log_checkpoints_kept before delete on log_checkpoints begin select raise(abort, 'append-only'); end;
create trigger log_head_kept before delete on log_head begin select raise(abort, 'append-only'); end;
create trigger log_head_grows before update on log_head when new.size <= old.size or new.at < old.at begin
  select raise(abort, 'append-only');
end;
create trigger statements_fixed before update on statements begin select raise(abort, 'append-only'); end;
create trigger statements_kept before delete on statements begin select raise(abort, 'append-only'); end;
create trigger policies_fixed before update on policies begin select raise(abort, 'append-only'); end;
create trigger policies_kept before delete on policies begin select raise(abort, 'append-only'); end;
