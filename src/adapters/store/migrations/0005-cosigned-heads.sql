-- Heads of the decision log as the quorum of witnesses had cosigned them: since when the log is known to have held an entry.

create table cosigned_heads (
  size integer primary key,
  note text not null
) strict;

create trigger cosigned_heads_fixed before update on cosigned_heads begin select raise(abort, 'append-only'); end;
create trigger cosigned_heads_kept before delete on cosigned_heads begin select raise(abort, 'append-only'); end;
