//! What crosses the wire, once: the three servers parse with it, answer with it and are judged by it.
//!
//! Nothing here does I/O, spawns or awaits, so nothing here differs by the way a server waits. What is shared is
//! shared because an accidental difference would make a measurement unfair; what teaches something about waiting
//! is written three times, in the servers.
//!
//! | to find | look in |
//! |---|---|
//! | what a failure looks like on the wire (RFC 9457) | [`problem`] |
//! | `/wait`: which numbers are taken, and what is said of the others | [`wait`], [`integer`] |
//! | `/github-user`: names, and what an upstream's answer means | [`github`] |
//! | which upstream is asked, and as whom; at which of its addresses | [`upstream`], [`addresses`] |
//! | `/work`: a wait and some computing in one request | [`work`] |
//! | `/thumbnail`, `/seal` and `/open`: what is asked of the CPU | [`thumbnail`], [`seal`] |
//! | `/scrape`: many users, politely | [`scrape`] |
//! | `/stream`: lines, made as the reader takes them | [`stream`] |
//! | `/files`: names, hashes, ranges, forms | [`mod@file`], [`delivery`], [`form`] |
//! | how long, how large, how many | [`limits`], [`body`] |
//! | `/notes`: what is written, kept and read page by page | [`notes`], [`timestamp`] |
//! | `/rooms`: messages that are kept, and sent to everybody who listens | [`rooms`] |
//! | a body of JSON, read or refused | [`json`] |
//! | `/jobs`: work that is accepted now and done later | [`jobs`] |
//! | what every request's head must satisfy, whatever the framework let through; where a chunked body ends | [`head`], [`chunk`] |
//! | the fields every reply carries | [`headers`], [`request_id`] |
//! | `/pitfalls`: what only the mistakes need | [`pitfalls`] |
//! | the document at `/openapi.json` and the pages at `/docs` and `/` | [`openapi`], [`docs`], [`page`] |

pub mod addresses;
pub mod body;
pub mod chunk;
pub mod delivery;
pub mod docs;
pub mod file;
pub mod form;
pub mod github;
pub mod head;
pub mod headers;
pub mod health;
pub mod integer;
pub mod jobs;
pub mod json;
pub mod limits;
pub mod notes;
pub mod openapi;
pub mod page;
pub mod param;
pub mod pitfalls;
pub mod problem;
pub mod query;
pub mod refused;
pub mod request_id;
pub mod rooms;
pub mod scrape;
pub mod seal;
pub mod stream;
pub mod thumbnail;
pub mod timestamp;
pub mod upstream;
pub mod wait;
pub mod work;

pub use body::{BodyKind, Media, Small, Upload};
pub use delivery::{Delivery, FieldParams, Wanted};
pub use file::{FileName, FilePage, Listing, StoredFile, StoredFiles};
pub use form::Boundary;
pub use github::{Mode, Profile, User, Username, Usernames, Users};
pub use health::{Health, Ready};
pub use jobs::{Batch, BatchId, Job, JobId, JobResult, Jobs, JobsPage, NewJob, Order};
pub use json::{JsonBody, JsonType};
pub use limits::Limits;
pub use notes::{Draft, DraftHead, IdempotencyKey, Note, NoteId, Notes, Page};
pub use param::{PathParam, QueryParams};
pub use pitfalls::{Failure, Promised};
pub use problem::{FieldError, Problem};
pub use request_id::RequestId;
pub use rooms::{LastEventId, Message, MessageId, RoomName, Saying};
pub use scrape::Scrape;
pub use seal::{Passphrase, Sealing};
pub use stream::{Count, Interval, Lines};
pub use thumbnail::Thumbnail;
pub use timestamp::Timestamp;
pub use wait::{Deadline, Seconds, Wait, Waited};
pub use work::{Placement, Work, Worked};
