//! Which file systems tell nothing of changes: those that other machines or programs change behind the kernel's back.

use std::path::Path;

/// Tells whether changes in the directory `dir` may come without an event.
///
/// Goes by the type of the file system. FUSE counts as one that tells nothing, since what is behind it may be far away.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn is_remote(dir: &Path) -> bool {
    /// From linux/magic.h and the file systems' own headers.
    const REMOTE: [u32; 15] = [
        0x0000_6969, // NFS
        0xff53_4d42, // CIFS
        0xfe53_4d42, // SMB 2 and 3
        0x0000_517b, // SMB 1
        0x6573_5546, // FUSE: sshfs, virtiofs, GlusterFS and others
        0x0102_1997, // 9P: shared with the host of a virtual machine
        0x00c3_6400, // Ceph
        0x5346_414f, // AFS
        0x7375_7245, // Coda
        0x0116_1970, // GFS2
        0x7461_636f, // OCFS2
        0x0bd0_0bd0, // Lustre
        0x786f_4256, // VirtualBox
        0x0000_9fa0, // proc
        0x6265_6572, // sysfs
    ];
    // The type is signed or not, and wide or not, by platform; its numbers have 32 bits.
    rustix::fs::statfs(dir).is_ok_and(|stat| REMOTE.contains(&(stat.f_type as u32)))
}

/// Tells whether changes in the directory `dir` may come without an event: not known here.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn is_remote(_: &Path) -> bool {
    false
}
