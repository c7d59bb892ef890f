//! The directories of `/files`, made ready before a server listens; what a killed one has left is swept.
//!
//! `DATA/files` holds whole files and nothing else. `DATA/uploads` holds a directory for each server, in which its uploads
//! grow. A server holds a lock on its own for as long as it lives: the kernel lets go of it however the server ends, so
//! what can be locked belongs to nobody. A process id would not do, since the next process may have the same.

use std::fs::{self, File, TryLockError};
use std::io;
use std::mem;
use std::path::{Path, PathBuf};

/// Where files are, and where they grow.
#[derive(Clone, Debug)]
pub struct FilesHome {
    /// Whole files.
    pub files: PathBuf,
    /// What this server is being sent.
    pub uploads: PathBuf,
}

impl FilesHome {
    /// Makes them below `data`, for as long as this process lives.
    ///
    /// # Errors
    /// When they cannot be made or written to; it says which.
    pub fn claim(data: &Path) -> io::Result<Self> {
        Self::try_claim(data).map_err(|error| {
            let data = data.display();
            io::Error::new(error.kind(), format!("--data: cannot keep files in {data}: {error}"))
        })
    }

    fn try_claim(data: &Path) -> io::Result<Self> {
        let (files, all_uploads) = (data.join("files"), data.join("uploads"));
        fs::create_dir_all(&files)?;
        fs::create_dir_all(&all_uploads)?;
        // Without these a power loss could take a directory with all that was synced in it.
        File::open(data)?.sync_all()?;
        if let Some(parent) = data.parent() {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            // Who may not read it has not made anything in it.
            if let Ok(parent) = File::open(parent) {
                parent.sync_all()?;
            }
        }
        // One server at a time, so that none sweeps a directory between its making and its locking.
        let all = File::open(&all_uploads)?;
        all.lock()?;
        sweep(&all_uploads)?;
        let uploads = (0..).map(|n| all_uploads.join(n.to_string())).find(|own| !own.exists());
        let uploads = uploads.expect("there is always a next number");
        fs::create_dir(&uploads)?;
        let own = File::open(&uploads)?;
        own.lock()?;
        // Held until the process ends.
        mem::forget(own);
        Ok(Self { files, uploads })
    }
}

/// Removes the directories of servers that are gone.
fn sweep(all_uploads: &Path) -> io::Result<()> {
    for entry in fs::read_dir(all_uploads)? {
        let path = entry?.path();
        match File::open(&path)?.try_lock() {
            Ok(()) => fs::remove_dir_all(&path)?,
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_server_left_is_swept_and_what_a_living_one_writes_is_not() {
        let data = tempfile::tempdir().unwrap();
        let living = FilesHome::claim(data.path()).unwrap();
        let dead = data.path().join("uploads/7");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join("0"), "half").unwrap();
        fs::write(living.uploads.join("0"), "half").unwrap();
        fs::write(living.files.join("61"), "whole").unwrap();

        let next = FilesHome::claim(data.path()).unwrap();
        assert!(!dead.exists());
        assert!(living.uploads.join("0").exists());
        assert!(living.files.join("61").exists());
        assert_ne!(next.uploads, living.uploads);
    }

    #[test]
    fn a_place_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = FilesHome::claim(&file.path().join("data")).unwrap_err().to_string();
        assert!(error.contains("cannot keep files in") && error.contains("data"), "{error}");
    }
}
