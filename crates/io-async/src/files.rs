//! Files: one call each to write, keep, open, read, list and remove, awaited by the task that makes it.
//!
//! tokio's file calls are std's, each handed to a thread of the runtime's blocking pool, because no file system says when
//! it would be ready: async file I/O is a thread pool, and each call costs two hand-overs that a blocking call does not.
//!
//! A file grows under a name of its own and is given its true name when it is whole and on the disk: sync the file,
//! rename it, sync the directory. In that order a power loss leaves the old file or the new one, never a part of one.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind, SeekFrom};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use contract::file::{Quota, Trailer};
use contract::{FileName, FilePage, Listing, Problem, StoredFile};
use rustix::fs::OFlags;
use rustix::io::Errno;
use sha2::{Digest, Sha256};
use tokio::fs::{File, OpenOptions, read_dir, remove_file, rename, symlink_metadata};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::runtime::Handle;

/// As long a count of what is stored is believed: other servers may share the directory.
const RECOUNT: Duration = Duration::from_secs(1);

/// The stored files, and those that are coming. A clone is the same directory under the same quota.
#[derive(Clone, Debug)]
pub struct Files(Arc<Place>);

#[derive(Debug)]
struct Place {
    files: PathBuf,
    uploads: PathBuf,
    next: AtomicU64,
    quota: Quota,
    counted: Mutex<Option<Instant>>,
}

/// A file that is coming. Dropped before it is kept, it is gone.
#[derive(Debug)]
pub struct Upload {
    file: File,
    size: u64,
    sha256: Sha256,
    room: Room,
}

/// What a file that is coming takes: a path, and a part of the quota.
#[derive(Debug)]
struct Room {
    place: Arc<Place>,
    path: PathBuf,
    bytes: u64,
    kept: bool,
}

/// A stored file, open.
#[derive(Debug)]
pub struct Download {
    file: File,
    /// What is told of it.
    pub stored: StoredFile,
}

impl Files {
    /// Files in the directory `files`, which grow in `uploads` and are `quota` bytes at most.
    pub fn new(files: PathBuf, uploads: PathBuf, quota: u64) -> Self {
        let (next, quota) = (AtomicU64::new(0), Quota::new(quota));
        Self(Arc::new(Place { files, uploads, next, quota, counted: Mutex::new(None) }))
    }

    /// An empty file to write to.
    ///
    /// # Errors
    /// 507 when the disk is full, 503 when it cannot be written to.
    pub async fn create(&self) -> Result<Upload, Problem> {
        self.0.count().await?;
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        let path = self.0.uploads.join(number.to_string());
        let room = Room { place: Arc::clone(&self.0), path, bytes: 0, kept: false };
        // A task of its own: were this future dropped while the pool makes the file, nobody would remove it.
        let (file, room) = tokio::spawn(async move {
            let mut create = OpenOptions::new();
            (create.write(true).create_new(true).open(&room.path).await, room)
        })
        .await
        .map_err(|error| failed(error.into()))?;
        Ok(Upload { file: file.map_err(failed)?, size: 0, sha256: Sha256::new(), room })
    }

    /// A stored file.
    ///
    /// # Errors
    /// 404 when there is none of this name, 503 when it cannot be read.
    pub async fn open(&self, name: &FileName) -> Result<Download, Problem> {
        let mut open = OpenOptions::new();
        // What is no file of ours is not followed, and not waited for.
        open.read(true).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32);
        let mut file = open.open(self.0.files.join(name.on_disk())).await.map_err(absent)?;
        let about = file.metadata().await.map_err(failed)?;
        let size = about.len().checked_sub(Trailer::BYTES).filter(|_| about.is_file());
        let size = size.ok_or_else(Problem::no_file)?;
        let mut trailer = [0; Trailer::BYTES as usize];
        file.seek(SeekFrom::Start(size)).await.map_err(failed)?;
        file.read_exact(&mut trailer).await.map_err(failed)?;
        let trailer = Trailer::read(trailer).ok_or_else(Problem::no_file)?;
        Ok(Download { file, stored: StoredFile::new(name, size, trailer) })
    }

    /// A page of what is stored. Memory holds a page of names, however many there are.
    ///
    /// # Errors
    /// 503 when the directory cannot be read.
    pub async fn list(&self, listing: &Listing) -> Result<FilePage, Problem> {
        let mut names = BTreeSet::new();
        let mut entries = read_dir(&self.0.files).await.map_err(failed)?;
        while let Some(entry) = entries.next_entry().await.map_err(failed)? {
            let entry = entry.file_name();
            let Some(name) = entry.to_str().and_then(FileName::from_disk) else { continue };
            if listing.after.as_ref().is_none_or(|after| name > *after) {
                names.insert(name);
            }
            // One more than asked for tells whether there is another page.
            if names.len() > listing.limit + 1 {
                names.pop_last();
            }
        }
        let is_more = names.len() > listing.limit && names.pop_last().is_some();
        let mut files = Vec::with_capacity(names.len());
        for name in &names {
            match self.open(name).await {
                Ok(download) => files.push(download.stored),
                // Removed meanwhile, or no file of ours.
                Err(problem) if problem.status == 404 => {}
                Err(problem) => return Err(problem),
            }
        }
        Ok(FilePage::new(files, names.last().filter(|_| is_more)))
    }

    /// Removes a stored file, for good once this returns.
    ///
    /// # Errors
    /// 404 when there is none of this name, 503 when it cannot be removed.
    pub async fn remove(&self, name: &FileName) -> Result<(), Problem> {
        let place = &self.0;
        self.open(name).await?;
        remove_file(place.files.join(name.on_disk())).await.map_err(absent)?;
        place.sync().await?;
        place.recount();
        Ok(())
    }
}

impl Upload {
    /// Adds to it.
    ///
    /// # Errors
    /// 507 when the disk or the quota is full, 503 when it cannot be written to.
    pub async fn write(&mut self, chunk: &[u8]) -> Result<(), Problem> {
        self.room.take(chunk.len() as u64)?;
        self.sha256.update(chunk);
        self.size += chunk.len() as u64;
        self.file.write_all(chunk).await.map_err(failed)
    }

    /// Gives it its name, in place of what had that name; says whether nothing had. Once this returns, no loss of
    /// power takes it away.
    ///
    /// # Errors
    /// 507 when the disk or the quota is full, 503 when it cannot be written to.
    pub async fn keep(mut self, name: &FileName) -> Result<(StoredFile, bool), Problem> {
        let trailer = Trailer(self.sha256.finalize_reset().into());
        self.room.take(Trailer::BYTES)?;
        self.file.write_all(&trailer.bytes()).await.map_err(failed)?;
        // A write is over when the pool has made it; one that failed there is told by the next call.
        self.file.flush().await.map_err(failed)?;
        self.file.sync_all().await.map_err(failed)?;
        let path = self.room.place.files.join(name.on_disk());
        let is_new = symlink_metadata(&path).await.is_err();
        rename(&self.room.path, &path).await.map_err(failed)?;
        self.room.keep();
        if !is_new {
            self.room.place.recount();
        }
        self.room.place.sync().await?;
        Ok((StoredFile::new(name, self.size, trailer), is_new))
    }
}

impl Room {
    fn take(&mut self, bytes: u64) -> Result<(), Problem> {
        self.place.quota.take(bytes)?;
        self.bytes += bytes;
        Ok(())
    }

    fn keep(&mut self) {
        self.kept = true;
        self.place.quota.keep(self.bytes);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        self.place.quota.give(self.bytes);
        // If it stays, the next start sweeps it.
        let path = std::mem::take(&mut self.path);
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(async move { remove_file(path).await });
    }
}

impl Download {
    /// Goes to byte `from`.
    ///
    /// # Errors
    /// 503 when it cannot be read.
    pub async fn seek(&mut self, from: u64) -> Result<(), Problem> {
        self.file.seek(SeekFrom::Start(from)).await.map(drop).map_err(failed)
    }

    /// The next bytes, at most `most`.
    ///
    /// # Errors
    /// What the system says; a file that is shorter than it was is an error too.
    pub async fn read(&mut self, most: usize) -> io::Result<Bytes> {
        let mut chunk = vec![0; most];
        let read = self.file.read(&mut chunk).await?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        chunk.truncate(read);
        Ok(chunk.into())
    }
}

impl Place {
    /// Counts what is stored, unless it was counted just now.
    async fn count(&self) -> Result<(), Problem> {
        if !self.is_due() {
            return Ok(());
        }
        let mut bytes = 0;
        let mut entries = read_dir(&self.files).await.map_err(failed)?;
        while let Some(entry) = entries.next_entry().await.map_err(failed)? {
            // One that is gone takes nothing.
            bytes += entry.metadata().await.map_or(0, |about| about.len());
        }
        self.quota.counted(bytes);
        Ok(())
    }

    fn is_due(&self) -> bool {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = counted.is_none_or(|counted| counted.elapsed() >= RECOUNT);
        if is_due {
            *counted = Some(Instant::now());
        }
        is_due
    }

    /// Lets the next upload count.
    fn recount(&self) {
        *self.counted.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Writes the directory itself to the disk: until then a rename or a removal may be undone by a loss of power.
    async fn sync(&self) -> Result<(), Problem> {
        let files = File::open(&self.files).await.map_err(failed)?;
        files.sync_all().await.map_err(failed)
    }
}

/// What an error means where a name was looked for: a link is not followed, and so nothing is there.
fn absent(error: io::Error) -> Problem {
    let is_link = error.raw_os_error() == Some(Errno::LOOP.raw_os_error());
    if is_link || error.kind() == ErrorKind::NotFound {
        return Problem::no_file();
    }
    failed(error)
}

/// What any other error of the file system means to a client.
fn failed(error: io::Error) -> Problem {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Problem::no_room("the disk is full"),
        _ => {
            tracing::error!(%error, "a file could not be read or written");
            Problem::unavailable("files cannot be read or written now", 1)
        }
    }
}
