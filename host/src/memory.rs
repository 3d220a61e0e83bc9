//! The allocator of the whole process, and memory that it gives back.
//!
//! mimalloc keeps what was freed for about a second, in case it is needed again, and looks at it when memory is asked for or
//! freed. A daemon that has become quiet does neither, so it would keep what its busiest minute took. Owns nothing of what
//! is allocated.

/// Orders are made of many small pieces, which one thread takes and another gives back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Gives what is free back to the system, and of what the calling thread keeps for itself what it has no use for. Takes a
/// millisecond, or longer where much is free.
pub(crate) fn give_back() {
    #[expect(
        unsafe_code,
        reason = "a function of the allocator's that takes no pointer and may be called on any thread"
    )]
    // SAFETY: it frees nothing that is in use; the process's allocator is the one that is asked.
    unsafe {
        libmimalloc_sys::mi_collect(true);
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, hint::black_box};

    use super::*;

    /// Bytes of this process that are in memory and in no file.
    fn held() -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    #[test]
    fn what_was_freed_is_given_back() {
        const PIECES: usize = 4_000;
        const PIECE: usize = 64 << 10;
        let before = held();
        let pieces: Vec<Vec<u8>> = (0..PIECES).map(|_| vec![1; PIECE]).collect();
        drop(black_box(pieces));
        give_back();
        let kept = held().saturating_sub(before);
        // Other tests take memory at the same time.
        assert!(kept < (PIECES * PIECE / 2) as u64, "{kept} bytes are kept");
    }
}
