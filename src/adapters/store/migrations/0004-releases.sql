-- Statements about releases: bound to a tag, not to a number. Beside those on changes, so that neither is ever read as the other.

create table release_statements (
  seq integer primary key,
  entry integer not null,
  repository integer not null,
  tag text not null,
  person integer not null,
  payload_digest text not null,
  nonce text not null unique,
  record text not null,
  unique (payload_digest, person)
) strict;

create index release_statements_of_tag on release_statements (repository, tag, entry);

create trigger release_statements_fixed before update on release_statements begin select raise(abort, 'append-only'); end;
create trigger release_statements_kept before delete on release_statements begin select raise(abort, 'append-only'); end;
