//! The C side: a VFS that hands everything on to the one that was the default before it, and asks the
//! recorder first where an enrolled file is written. All unsafe code of the project's tests is here.
//!
//! Memory-mapped reads are not offered (version 2 of the file methods): SQLite then reads through
//! `xRead`, as it does in the product, which never turns mapping on.
#![allow(
    unsafe_code,
    reason = "SQLite's VFS is a table of C functions; there is no safe way to give one"
)]

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::OnceLock;

use rusqlite::ffi;

use crate::disk::{self, Handle};

/// Our part of the memory that SQLite sets aside for a file; the real file follows it.
#[repr(C)]
struct ShimFile {
    base: ffi::sqlite3_file,
    handle: *mut Handle,
}

/// Where the real file begins.
const REAL: usize = size_of::<ShimFile>().next_multiple_of(16);

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Makes the shim the default VFS of this process, once. Connections that are open already keep the one
/// that they have.
pub(crate) fn install() {
    static INSTALLED: OnceLock<c_int> = OnceLock::new();
    let code = *INSTALLED.get_or_init(|| {
        // SAFETY: a null name asks for the default VFS, which lives as long as the process. The copy is
        // leaked, so SQLite may keep its address; only functions of this file see its `pAppData`.
        unsafe {
            let real = ffi::sqlite3_vfs_find(std::ptr::null());
            if real.is_null() {
                return ffi::SQLITE_ERROR;
            }
            let shim = Box::leak(Box::new(ffi::sqlite3_vfs {
                iVersion: 2,
                szOsFile: (*real).szOsFile + c_int::try_from(REAL).unwrap_or_default(),
                pNext: std::ptr::null_mut(),
                zName: c"runbook-disk".as_ptr(),
                pAppData: real.cast(),
                xOpen: Some(open),
                xDelete: Some(delete),
                xAccess: Some(access),
                xFullPathname: Some(full_pathname),
                xRandomness: Some(randomness),
                xSleep: Some(sleep),
                xCurrentTime: Some(current_time),
                xGetLastError: Some(last_error),
                xCurrentTimeInt64: Some(current_time_int64),
                ..*real
            }));
            ffi::sqlite3_vfs_register(shim, 1)
        }
    });
    assert_eq!(code, ffi::SQLITE_OK, "SQLite did not take the VFS");
}

/// The VFS that was the default before.
///
/// # Safety
/// `vfs` is the table that [`install`] made.
unsafe fn real_vfs(vfs: *mut ffi::sqlite3_vfs) -> *mut ffi::sqlite3_vfs {
    // SAFETY: by the caller's word; `pAppData` was set to the real table, which is never freed.
    unsafe { (*vfs).pAppData.cast() }
}

/// The real file behind ours.
///
/// # Safety
/// `file` has room for a [`ShimFile`] and the real file, as `szOsFile` says.
unsafe fn real_file(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: by the caller's word the sum stays within the same allocation.
    unsafe { file.byte_add(REAL) }
}

/// What the recorder knows of an open file.
///
/// # Safety
/// `file` was opened by [`open`] with our methods and is not closed.
unsafe fn handle<'a>(file: *mut ffi::sqlite3_file) -> &'a Handle {
    // SAFETY: by the caller's word; `open` put a leaked box there, which only `close` takes back.
    unsafe { &*(*file.cast::<ShimFile>()).handle }
}

/// # Safety
/// `name` is null or a C string that lives through the call.
unsafe fn path_of<'a>(name: *const c_char) -> Option<&'a Path> {
    if name.is_null() {
        return None;
    }
    // SAFETY: by the caller's word.
    let name = unsafe { CStr::from_ptr(name) };
    Some(Path::new(OsStr::from_bytes(name.to_bytes())))
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite passes our table, a name that is null or a C string, and `szOsFile` bytes at `file`.
    // An unrecorded file is opened by the real VFS in that memory and never comes back here.
    unsafe {
        let real = real_vfs(vfs);
        let Some(call) = (*real).xOpen else {
            return ffi::SQLITE_CANTOPEN;
        };
        let Some(found) = path_of(name).and_then(disk::find) else {
            return call(real, name, file, flags, out);
        };
        let shim = file.cast::<ShimFile>();
        // Without methods SQLite does not close what could not be opened.
        (*shim).base.pMethods = std::ptr::null();
        let inner = real_file(file);
        match found.open(flags, |flags| call(real, name, inner, flags, out)) {
            Ok(handle) => {
                (*shim).handle = Box::into_raw(Box::new(handle));
                (*shim).base.pMethods = &raw const METHODS;
                ffi::SQLITE_OK
            }
            Err(code) => code,
        }
    }
}

unsafe extern "C" fn delete(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    sync_folder: c_int,
) -> c_int {
    // SAFETY: SQLite passes our table and a C string.
    unsafe {
        let real = real_vfs(vfs);
        let Some(call) = (*real).xDelete else {
            return ffi::SQLITE_IOERR_DELETE;
        };
        match path_of(name).and_then(disk::find) {
            Some(found) => found.delete(sync_folder != 0, || call(real, name, sync_folder)),
            None => call(real, name, sync_folder),
        }
    }
}

/// Functions of the VFS that are handed on as they are.
macro_rules! pass_vfs {
    ($($name:ident = $method:ident($($argument:ident: $type:ty),*);)*) => { $(
        unsafe extern "C" fn $name(vfs: *mut ffi::sqlite3_vfs, $($argument: $type),*) -> c_int {
            // SAFETY: SQLite passes our table; the arguments go on unchanged to the table they were
            // meant for.
            unsafe {
                let real = real_vfs(vfs);
                (*real).$method.map_or(ffi::SQLITE_ERROR, |call| call(real, $($argument),*))
            }
        }
    )* };
}

pass_vfs! {
    access = xAccess(name: *const c_char, flags: c_int, out: *mut c_int);
    full_pathname = xFullPathname(name: *const c_char, room: c_int, out: *mut c_char);
    randomness = xRandomness(bytes: c_int, out: *mut c_char);
    sleep = xSleep(microseconds: c_int);
    current_time = xCurrentTime(out: *mut f64);
    last_error = xGetLastError(room: c_int, out: *mut c_char);
    current_time_int64 = xCurrentTimeInt64(out: *mut ffi::sqlite3_int64);
}

/// Functions of a file that are handed on as they are.
macro_rules! pass_file {
    ($($name:ident = $method:ident($($argument:ident: $type:ty),*);)*) => { $(
        unsafe extern "C" fn $name(file: *mut ffi::sqlite3_file, $($argument: $type),*) -> c_int {
            // SAFETY: SQLite passes a file that `open` made; the arguments go on unchanged.
            unsafe {
                let real = real_file(file);
                (*(*real).pMethods).$method.map_or(ffi::SQLITE_ERROR, |call| call(real, $($argument),*))
            }
        }
    )* };
}

pass_file! {
    read = xRead(out: *mut c_void, amount: c_int, offset: ffi::sqlite3_int64);
    file_size = xFileSize(out: *mut ffi::sqlite3_int64);
    lock = xLock(level: c_int);
    unlock = xUnlock(level: c_int);
    check_reserved_lock = xCheckReservedLock(out: *mut c_int);
    file_control = xFileControl(what: c_int, argument: *mut c_void);
    sector_size = xSectorSize();
    device_characteristics = xDeviceCharacteristics();
    shm_map = xShmMap(page: c_int, size: c_int, extend: c_int, out: *mut *mut c_void);
    shm_lock = xShmLock(offset: c_int, count: c_int, flags: c_int);
    shm_unmap = xShmUnmap(delete: c_int);
    real_close = xClose();
    real_write = xWrite(bytes: *const c_void, amount: c_int, offset: ffi::sqlite3_int64);
    real_truncate = xTruncate(size: ffi::sqlite3_int64);
    real_sync = xSync(flags: c_int);
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    // SAFETY: SQLite passes a file that `open` made.
    unsafe {
        let real = real_file(file);
        if let Some(call) = (*(*real).pMethods).xShmBarrier {
            call(real);
        }
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: SQLite closes a file that `open` made once, and does not use it afterwards; the handle is
    // the box that `open` leaked.
    unsafe {
        let code = real_close(file);
        drop(Box::from_raw((*file.cast::<ShimFile>()).handle));
        code
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    bytes: *const c_void,
    amount: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite passes a file that `open` made and `amount` readable bytes; what the recorder gives
    // on is a beginning of them.
    unsafe {
        let whole =
            std::slice::from_raw_parts(bytes.cast::<u8>(), usize::try_from(amount).unwrap_or(0));
        handle(file).write(offset, whole, |part| {
            let amount = c_int::try_from(part.len()).unwrap_or_default();
            real_write(file, part.as_ptr().cast(), amount, offset)
        })
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    // SAFETY: SQLite passes a file that `open` made.
    unsafe { handle(file).truncate(size, || real_truncate(file, size)) }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: SQLite passes a file that `open` made.
    unsafe { handle(file).sync(|| real_sync(file, flags)) }
}
