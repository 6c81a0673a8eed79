//! How a large file is cut. Stores take at most 10,000 parts (S3, Google) of at
//! least 5 MiB, all but the last of one size (Cloudflare R2 insists on that).

/// In one piece, and the size of parts where there are more: large enough that
/// a request's own cost does not matter.
pub(super) const PART: u64 = 8 * MIB;

/// As few as stores take, with one to spare.
const MOST_PARTS: u64 = 9_999;

const MIB: u64 = 1024 * 1024;

/// The size of each part of a file, in bytes.
pub(super) fn size(file: u64) -> u64 {
    file.div_ceil(MOST_PARTS).next_multiple_of(MIB).max(PART)
}

/// How many mebibytes of memory so many bytes take, at least one.
pub(super) fn mebibytes(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(MIB)).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::{MIB, PART, mebibytes, size};

    #[test]
    fn no_file_has_too_many_parts() {
        for file in [0, 1, PART, PART + 1, 10_000 * PART, 10_000 * PART + 1, 5 * 1024 * 1024 * MIB]
        {
            let part = size(file);
            assert!(part >= PART && part.is_multiple_of(MIB), "{file}");
            assert!(file.div_ceil(part) <= 10_000, "{file}");
        }
        assert_eq!(size(1024 * MIB), PART);
        assert_eq!(size(100_000 * MIB), 11 * MIB);
        assert_eq!([mebibytes(0), mebibytes(MIB), mebibytes(MIB + 1)], [1, 1, 2]);
    }
}
