-- Values that were erased. Their digests stay known, so that no later write brings the bytes back.

create table erased_blobs (
  digest text primary key
) strict, without rowid;

create trigger erased_blobs_fixed before update on erased_blobs begin select raise(abort, 'append-only'); end;
create trigger erased_blobs_kept before delete on erased_blobs begin select raise(abort, 'append-only'); end;
create trigger blobs_stay_erased before insert on blobs
when exists (select 1 from erased_blobs where digest = new.digest) begin
  select raise(abort, 'an erased value does not come back');
end;

-- Of a statement the record alone may change, and only once its payload is erased: the texts in it go.
drop trigger statements_fixed;
create trigger statements_fixed before update on statements
when not exists (select 1 from erased_blobs where digest = old.payload_digest)
  or new.seq <> old.seq or new.entry <> old.entry or new.repository <> old.repository or new.number <> old.number
  or new.person <> old.person or new.payload_digest <> old.payload_digest or new.nonce <> old.nonce
  or new.target is not old.target begin
  select raise(abort, 'append-only');
end;
