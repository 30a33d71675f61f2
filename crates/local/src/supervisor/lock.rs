//! One stack per state directory: the locked file holds the process id, and the lock goes with the process.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The lock; dropping it removes the file.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    _file: File,
}

/// The state directory cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another stack has it.
    #[error("a stack runs here already (process {pid}); `make down` stops it")]
    Taken {
        /// The other's process.
        pid: String,
    },
    /// The file cannot be written.
    #[error("cannot write {path}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Lock {
    pub(super) fn take(path: &Path) -> Result<Self, LockError> {
        let unwritable = |source| LockError::Unwritable { path: path.to_owned(), source };
        let mut options = OpenOptions::new();
        let mut file = options.create(true).truncate(false).write(true).open(path).map_err(unwritable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = std::fs::read_to_string(path).map_err(unwritable)?;
                return Err(LockError::Taken { pid: pid.trim().to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(unwritable(source)),
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(unwritable)?;
        Ok(Self { path: path.to_owned(), _file: file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Without the file there is nothing to stop; a file that stays is not locked and so stands for nothing.
        drop(std::fs::remove_file(&self.path));
    }
}

/// The process that holds the lock.
pub(super) fn holder(path: &Path) -> Option<i32> {
    let file = File::open(path).ok()?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => std::fs::read_to_string(path).ok()?.trim().parse().ok(),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lets_one_in_and_names_it() {
        let folder = std::env::temp_dir().join(format!("tollgate-lock-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("pid");

        let first = Lock::take(&path).unwrap();
        let refusal = Lock::take(&path).err().unwrap().to_string();
        let held_by = holder(&path);
        drop(first);

        let me = std::process::id();
        assert_eq!(refusal, format!("a stack runs here already (process {me}); `make down` stops it"));
        assert_eq!(held_by, i32::try_from(me).ok());
        assert_eq!((holder(&path), path.exists()), (None, false));
        std::fs::write(&path, "1\n").unwrap();
        assert!(Lock::take(&path).is_ok(), "a file that a dead process left holds nobody up");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
