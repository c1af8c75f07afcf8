"""Every number that bounds input or work. Bytes unless the name says otherwise.

Sources: decisions of the project (docs/decisions), FEDERATION.md for those that peers notice.
"""

from __future__ import annotations

# Documents
BODY = 1 << 20  #: an inbox or outbox body, and a fetched document
JSON_DEPTH = 32  #: nested arrays and objects
JSON_KEYS = 5_000  #: object members in one document
SAFE_INTEGER = 2**53  #: what every JSON reader keeps exactly (RFC 8259 6)
IRI = 2_048
CONTEXT_ENTRIES = 16
CONTEXT_TERMS = 64
CONTEXT_INLINE = 8 << 10
RECIPIENTS = 100  #: addressees of one activity
MEMBERS = 500  #: of a collection of another server, that one activity is delivered to
TAGS = 50
ATTACHMENTS = 16
LINKS = 32  #: in one url
DESCRIPTION = 10_000  #: of a picture, characters
PIXELS = 100_000  #: of one side of it
OPTIONS = 20  #: of a poll
TALLY_S = 180.0  #: after a vote, until others are told how a poll stands
TALLIES = 20  #: in its life so far a poll is told of no more often than once in such a part of it
REACTION = 64  #: an emoji as somebody reacts with it, characters: the longest joined one has 14
REACTIONS = 20  #: of one actor to one thing
FLAG = 100  #: a flag of a follow, characters
FLAGS = 32  #: follows of one thing by one actor
TEXT = 64 << 10  #: content, summary or name, characters
TYPES = 8
PHRASE = 255  #: what an action is called (verbPhrase), characters
ACTION_DATA = 64 << 10  #: actionData of one action, as JSON
HTML = 128 << 10  #: a text once it is cleaned, characters; links grow by their rel
HTML_MARKS = 2_000  #: tags and references in all texts of one document
HTML_DEPTH = 64  #: nested elements
HTML_NODES = 60_000  #: elements that mending one text may take, at most
MARKDOWN = 32 << 10  #: characters of one text; reading them takes half a second at worst
EXCERPT = 300  #: characters of an article, when it has no summary
HASHTAG = 100  #: characters
SHORTCODE = 30  #: of an emoji, characters
EMOJI = 100 << 10  #: an image; GoToSocial takes no bigger ones
EMOJIS = 5_000  #: of this server

# JSON-LD, for documents that redefine our terms (apserver.compaction)
COMPACTION_BODY = 64 << 10
COMPACTION_S = 2.0
COMPACTION_START_S = 20.0  #: of the process; it takes a second on a machine with nothing to do
COMPACTION_MEMORY = 256 << 20  #: address space; PyLD with its contexts has 50 MiB
COMPACTIONS_WAITING = 4

# Whom what reaches
ANSWERABLE = 1_000  #: newest activities of an inbox that can be answered by their id alone
ENGAGED = 1_000  #: newest likes, shares and replies each, whose authors are told of an edit
FORWARD_LINKS = 20  #: from an activity to what may be ours, that are followed
FORWARD_STEPS = 3  #: from one to the next

# Names
NAME = 30  #: a local actor's name, characters
DISPLAY_NAME = 200  #: characters

# Collections
PAGE = 20
PAGE_MAX = 50  #: the largest page a client may ask for
PAGE_BYTES = 8 << 20  #: items on one page that everybody may ask for
OVER_FETCH = 5  #: rounds that a page of a filtered collection may load

# Streams
STREAMS_LISTED = 1_000  #: actors whose list of streams one process has at hand
PARTICIPANTS = 20  #: objects, and targets, of one activity that go into the role index
DATA_FILTERS = 5  #: members of actionData that a stream is filtered by
SPARE = 8  #: actions that are read beyond a page, for those that are not for the viewer
EXPANDED = 4 << 20  #: documents in place of ids, on one page (expand=full)
SIFTED = 200  #: actions that are looked at in one round for a page with filters
MERGED_FOLLOWS = 100  #: up to so many follows, home is merged from the newest of each
WALKED_ROWS = 32  #: of the role index, for each follow, that the other plan for home looks at

# Things of sites
COUNTED = 10_000  #: followers of a thing, which has no collection with a counter
ENDED_FOLLOWS = 200  #: of a deleted thing, in one transaction
ENDED_ACTIONS = 20  #: the same of actions with it, each with a Delete of its own

# Signatures
CLOCK_SKEW_S = 65 * 60
RSA_BITS_MIN = 2_048
RSA_BITS_MAX = 8_192
RSA_EXPONENT_BITS_MAX = 64  #: as OpenSSL for big keys; a longer one makes each check dear
KEY_TEXT = 2_048  #: one public key as text, characters; RSA of 8192 bits needs 1500
KEYS_PER_DOCUMENT = 16
HEADER = 8 << 10  #: one header value
SIGNED_COMPONENTS = 32

# Outgoing requests
CONNECT_S = 5.0
GET_S = 10.0
POST_S = 15.0
KEY_LOOKUP_S = 4.0  #: all fetches for one key together
KEY_REQUESTS = 8  #: the same in requests: two documents, with what they lead to
REDIRECTS = 3  #: further places that one look-up may be led to
WEBFINGER = 100 << 10
WEBFINGER_S = 10.0  #: one look-up, with its redirects
FETCHES_PER_EVENT = 16  #: requests that one event may cause, however they come about (net.budget)
BYTES_PER_EVENT = 4 << 20
SECONDS_PER_EVENT = 30.0  #: of waiting for other servers; a job must end within its lease
NEW_HOSTS = 20  #: of one domain that we begin to ask, in NEW_HOSTS_S
NEW_HOSTS_S = 3_600.0
ASKED_OF_OTHERS = 120  #: things of one domain in a minute that posts of another one name
HOSTS_MET = 10_000  #: hosts, and domains, that are remembered for it
RESOLVER_THREADS = 32  #: names that the system resolves at a time
INTRODUCTION_S = 4.0  #: a client waits for what its activity is about and nobody here knows
INTRODUCTIONS = 5  #: such things that are fetched for one request
INTRODUCTION_REQUESTS = 3  #: for one of them
INTRODUCTIONS_AT_ONCE = 64  #: that one worker fetches
PROXY_S = 20.0  #: one document for a client, with what it leads to
PROXY_REQUESTS = 6  #: the same in requests; who answers only one kind of signature takes two each
PROXIED = 128  #: documents that one worker fetches for clients at a time
PROXIED_FOR_ACTOR = 16  #: the same for one actor
DNS_S = 5.0  #: one name, by the servers of [federation] dns_servers
DNS_CACHE_S = 60  #: addresses of a name, which were judged, are used so long
NEGATIVE_CACHE_S = 300.0
NEGATIVE_CACHE_FIRST_S = 20.0  #: the first time: somebody may have asked before it was there
NEGATIVE_CACHE_ASTRAY_S = 3_600.0  #: for what leads in a circle
NEGATIVE_CACHE_ROWS = 10_000
KEY_REFETCH_S = 300.0
KEY_DOCUMENT_FETCHES = 3  #: of one document, for keys not in it, in NEGATIVE_CACHE_FIRST_S
KEY_FAILURES_OF_HOST = 30  #: failed look-ups of keys at one host, in KEY_FAILURES_S
KEY_FAILURES_S = 60.0
KEY_MEMORY_S = 60.0  #: a process uses a key without a look into the database
KEY_AGE_S = 86_400.0  #: a key is used without asking its server again

# Work
ROUND_ROWS = 500  #: activities in one group commit
JOB_BATCH = 100
BUCKETS_PER_LEASE = 16  #: that one worker takes up together, for one batch
RECALLED = 40  #: activities that are taken from an outbox when its actor is followed
RECALL_ITEMS = 120  #: of the outbox that are looked at, whatever they are
RECALL_PAGES = 3  #: of the outbox, the collection itself included
PARENTS = 8  #: that are looked for above a reply, one above the other, known ones included
REPLIES = 5  #: of one post that are fetched when it comes, all of its own server
REPLY_PAGES = 3  #: of its replies, the collection itself included
CONTEXT_POSTS = 8  #: of its conversation, the same
THREAD_ITEMS = 100  #: of such a collection that are looked at, whatever they are
THREAD_ITEMS_OF_HOST = 2  #: of those that are fetched, of any host but that of the collection
THREAD_ATTEMPTS = 3  #: for what a reply answers, when its server does not answer
CONFIRMED = 16  #: what groups of one bucket announce that one worker looks into at a time
QUOTES = 16  #: stamps for posts of one bucket that one worker asks for at a time
QUOTE_ATTEMPTS = 3  #: for a stamp whose server does not answer
THREADS = 16  #: posts of one bucket around which one worker looks at a time
NEWS_S = 300.0  #: so long after it was made nothing is looked for that answers a post
PINNED = 10  #: posts that one actor elsewhere has pinned
PINNED_PAGES = 2  #: of what it has pinned, the collection itself included
PROFILES = 8  #: profiles of actors of one bucket that one worker looks at at a time
PROFILE_ATTEMPTS = 3  #: when its server does not answer
PROFILE_FRESH_S = 3_600.0  #: a document that was fetched, or sent, is good for so long
PROFILE_STALE_S = 86_400.0  #: who has to do with us again after so long is looked at again
PROFILE_OLD_S = 7 * 86_400.0  #: who is followed here is looked at again, whatever it does
PROFILES_EVERY_S = 600.0
PROFILES_LOOK_S = 60.0  #: how often a worker looks whether it is time
PROFILES_ROUND = 100  #: at a time
PROFILES_OF_HOST = 5  #: the same of one host; the others wait for PROFILES_LATER_S
PROFILES_LATER_S = 3_600.0
SUSPENDED = 64  #: jobs of one bucket for which one worker waits for documents
RESOLVES_IN_FLIGHT = 64  #: recipients that one worker looks for at a time
RESOLVE_ATTEMPTS = 25  #: for a recipient that cannot be found: a week, as for deliveries
JOB_ATTEMPTS = 10  #: failures of one job before it is parked
BUCKETS = 64
LEASE_S = 60
HOSTS_PER_CLAIM = 50
DELIVERIES_PER_HOST = 20
HOSTS_IN_FLIGHT = 256  #: hosts that one worker delivers to at a time
POLL_S = 1.0
HEARD_S = 300.0  #: how often one worker looks whether a host that speaks to us was down
CONNECTIONS = 384  #: open to other servers, per worker: HOSTS_IN_FLIGHT, and others for fetches
CONNECTIONS_PER_HOST = 8
DELIVERY_ANSWER = 64 << 10  #: read of the answer to a POST, so that the connection can be kept
NEGATIVE_CACHE_BUSY_S = 15.0  #: for what could not be had because its server did not answer
KEYS_CACHED = 20_000  #: public keys of others in one process, about 1 KiB each
KEY_DOCUMENTS = 32  #: documents of their owners at hand, until a signature holds
SOUND_DOCUMENTS = 50_000  #: stored documents that one process knows to be JSON, 64 bytes each
ADDRESSES_READ = 4_096  #: addresses of clients that one process has at hand, parsed
SERIES = 1_000  #: counters with different labels: some labels come from other servers
ROUNDS_WAITING = 5_000  #: activities that may wait for a group commit before we say 503
POOL = 8  #: connections of one worker to PostgreSQL
STATEMENT_S = 5.0  #: one statement for a request
LISTENING = 1  #: the connection on which a worker hears of work, besides the pool
COMMANDS = 5  #: connections left for the command line, and for the migration before a start
KNOCKS_LEARNT = 10_000  #: servers whose signature scheme is remembered
KNOCK_REMEMBERED_S = 7 * 24 * 3600

# Many activities in one request
BULK_ITEMS = 500
BULK_BODY = 4 << 20  #: each of them has at most BODY
BULK_KEYS = 50_000  #: the same for JSON_KEYS
BULK_ACTORS = 20  #: that it makes for users and things of a site: keys take their time
BULK_PASSES = 4  #: tries without what was refused in the one before
BULKS = 2  #: that one worker does at a time
BULKS_WAITING = 24  #: the same with those whose bodies are read, or wait
BULKS_OF_ACTOR = 6  #: the same of one actor, or of the site
ROUND_AHEAD = 8  #: activities for which facts are read at least (core.rounds)
ROUND_BREATH = 20  #: activities after which others have their turn

# Requests of clients
ACCEPT_LANGUAGE = 1_000  #: characters of the header that are read
IDEMPOTENCY_KEY = 255  #: characters
IDEMPOTENCY_S = 86_400.0  #: how long the same key stands for the same request

# Logins and pages
PASSWORD_LEAST = 10  #: characters
PASSWORD = 1_024
SCRYPT_N = 1 << 15  #: with SCRYPT_R, 32 MiB (RFC 7914, OWASP)
SCRYPT_R = 8
SCRYPT_P = 3
HASHING = 2  #: passwords that one worker looks at together
HASHES_WAITING = 8  #: the same with those that wait for that; more are told to come again
LOGINS_PER_NAME = 10  #: tries in LOGIN_S, for each worker
LOGINS_PER_ADDRESS = 30  #: the same
LOGIN_S = 600
SESSIONS = 20  #: browsers in which one actor is signed in; a further one ends the oldest
SESSION_IDLE_S = 14 * 86_400  #: a session that is not used ends
SESSION_S = 90 * 86_400  #: a session ends
SESSION_SEEN_S = 3_600  #: how often it is written that it is used
FORM_COOKIE_S = 3_600  #: how long a form waits for somebody who is not signed in
FORM = 16 << 10  #: what a form sends
FORM_FIELDS = 20
VISITS_PER_ADDRESS = 10  #: look-ups of handles that one visitor causes, in VISIT_S
VISITS_PER_HOST = 60  #: the same for one host that is asked
VISIT_S = 60

# Accounts that move or end
MOVE_COOL_DOWN_S = 7 * 86_400.0  #: between two Moves that an account takes part in
MOVED_FOLLOWERS = 20  #: that follow a moved account to where it is, in one transaction
ALIASES = 20  #: other ids of one actor of ours (alsoKnownAs)
ALIASES_READ = 256  #: the same of others; Mastodon reads so many
ENDED_ROWS = 500  #: of each kind, of an actor that ends, in one transaction
MISSING_DAYS = 3  #: on which a server says that an actor is not there, until it counts as gone
MISSING_S = 7 * 86_400.0  #: and so long after the first of them

# Functions of the site's own ([hooks])
HOOK_S = 2.0  #: one call; an inbox should answer within three seconds
HOOK_THREADS = 4  #: of a worker, for functions without async
HOOK_REASON = 200  #: characters of what it says, and of how it failed

# Moderation
DOMAIN_FILE = 16 << 20  #: a list of domains to import
COMMENT = 2_000  #: on a domain rule, characters
REPORT_TEXT = 5_000  #: what a reporter says, characters
REPORT_EVIDENCE = 64 << 10  #: what a report keeps of the things that it is about, as JSON
REPORT_EXCERPT = 2_000  #: characters kept of a text that would be too much of it
REPORTS_OPEN = 200  #: of one actor here, or of one owner of hosts elsewhere
REPORTS_LISTED = 1_000

# Retention
PRUNE_ROWS = 1_000  #: rows that go, or are passed, in one transaction
PRUNE_EVERY_S = 3_600.0
PRUNE_LOOK_S = 60.0  #: how often a worker looks whether it is time
JOB_PARKED_S = 30 * 86_400.0  #: how long a job that was given up is kept to be looked at
HOST_IDLE_S = 86_400.0  #: how long a host that nothing waits for is remembered
HOST_FAILED_S = 7 * 86_400.0  #: the same, when it failed last time
HOSTS_IDLE = 10_000  #: hosts that nothing waits for, whatever their age

# Connections to us, per worker
CONNECTIONS_TAKEN = 8_192  #: in all; fewer when the process may open fewer files than twice that
SUSTAINED_MINUTES = 30  #: in an hour one may ask as much as in so many minutes at full speed
HOST_SHARE = 10  #: of what one address or actor may ask in a minute, a whole host may so many times
FILES = 2 * CONNECTIONS_TAKEN  #: that a worker asks the system for
CONNECTIONS_PER_ADDRESS = 256  #: but for trusted proxies
HEADER_S = 10.0  #: until the header of a request is complete
BODY_S = 30.0  #: until its body is
ANSWER_S = 60.0  #: until its answer has been taken, but for what the kernel holds
LINGER_S = 2.0  #: how long a body that nobody wants is read on, so that the answer is heard

# The end of a worker
DRAIN_S = 1.0  #: how long a request may still come on an open connection
REQUESTS_END_S = 10.0  #: how long requests under way may take
KEEP_ALIVE_S = 75.0  #: how long an idle connection stays open, while the worker goes on


def connections_needed(workers: int) -> int:
    """The most connections to PostgreSQL that so many workers and all commands hold together."""
    return workers * (POOL + LISTENING) + COMMANDS


def workers_within(connections: int) -> int:
    """How many workers so many connections are enough for."""
    return max(connections - COMMANDS, 0) // (POOL + LISTENING)
