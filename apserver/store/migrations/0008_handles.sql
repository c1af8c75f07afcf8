-- Whom a text means by @user@host, of the actors that are known here.

-- Names are ASCII where they can be mentioned: lower() is what Python makes of them too.
CREATE INDEX actor_named ON actor (domain, lower(name)) WHERE NOT ours AND gone_at IS NULL;
