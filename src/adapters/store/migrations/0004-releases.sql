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

-- The record alone may change, and only once its payload is erased: the texts in it go.
create trigger release_statements_fixed before update on release_statements
when not exists (select 1 from erased_blobs where digest = old.payload_digest)
  or new.seq <> old.seq or new.entry <> old.entry or new.repository <> old.repository or new.tag <> old.tag
  or new.person <> old.person or new.payload_digest <> old.payload_digest or new.nonce <> old.nonce begin
  select raise(abort, 'append-only');
end;
create trigger release_statements_kept before delete on release_statements begin select raise(abort, 'append-only'); end;
