//! Files that are there in whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

static COUNT: AtomicU64 = AtomicU64::new(0);

/// Writes a file in place of what is there: beside it first, on disk, then by its name.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|one| !one.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let (mut file, beside) = create_beside(path)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&beside, path));
    if let Err(wrong) = written {
        // The first error is the one to tell; what is left over has a name that nothing reads.
        let _ = fs::remove_file(&beside);
        return Err(wrong);
    }
    // The name has to outlive a power cut as well.
    File::open(folder)?.sync_all()
}

/// A new file beside `path`, with a name that no other process and no other call has.
fn create_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let beside = path.with_file_name(format!(".{name}.{}-{count}", std::process::id()));
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&beside)
        {
            Ok(file) => return Ok((file, beside)),
            // Left over by a process of the same number.
            Err(wrong) if wrong.kind() == io::ErrorKind::AlreadyExists => {}
            Err(wrong) => return Err(wrong),
        }
    }
}
