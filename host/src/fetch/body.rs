//! Reads a reply's body as it comes in: unpacks it, and stops at a cap that counts unpacked bytes.

use std::io::{self, Write};

use flate2::{Decompress, FlushDecompress, Status, write::MultiGzDecoder};
use plugin_api::Error;

/// Up to here nobody asks how well a body was packed.
const UNSUSPECTED_BYTES: usize = 1 << 20;
/// JSON and HTML pack at most some 30 to 1; what packs better than this is made to exhaust the reader.
const HIGHEST_RATIO: u64 = 200;

/// Why a body was not read to its end.
#[derive(Debug)]
pub(super) enum Unread {
    /// It is more than we take.
    Refused(Error),
    /// It is cut short or damaged.
    Damaged,
}

/// A body under way.
pub(super) struct Body {
    packing: Packing,
    packed_bytes: u64,
    cap: usize,
}

enum Packing {
    Identity(Sink),
    Gzip(Box<MultiGzDecoder<Sink>>),
    Deflate(Box<Deflate>),
}

/// The unpacked bytes so far.
struct Sink {
    bytes: Vec<u8>,
    most: usize,
    packed_bytes: u64,
    overrun: Option<Overrun>,
}

#[derive(Clone, Copy)]
enum Overrun {
    Cap,
    Ratio,
}

impl Body {
    /// A body packed as the header says, of which at most `cap` unpacked bytes are taken.
    ///
    /// # Errors
    /// `bad_reply` for a packing that was not asked for.
    pub(super) fn new(content_encoding: &str, cap: u64) -> Result<Self, Error> {
        let cap = usize::try_from(cap).unwrap_or(usize::MAX);
        let sink = Sink { bytes: Vec::new(), most: cap, packed_bytes: 0, overrun: None };
        let packing = match content_encoding.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Packing::Identity(sink),
            "gzip" | "x-gzip" => Packing::Gzip(Box::new(MultiGzDecoder::new(sink))),
            "deflate" => Packing::Deflate(Box::new(Deflate::new(sink))),
            _ => {
                return Err(Error::bad_reply(
                    "the reply is packed in a way that was not asked for (asked for: gzip, deflate)",
                ));
            }
        };
        Ok(Body { packing, packed_bytes: 0, cap })
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, chunk: &[u8]) -> Result<(), Unread> {
        self.packed_bytes += chunk.len() as u64;
        let packed_bytes = self.packed_bytes;
        let done = match &mut self.packing {
            Packing::Identity(sink) => sink.write_all(chunk),
            Packing::Gzip(decoder) => {
                decoder.get_mut().packed_bytes = packed_bytes;
                decoder.write_all(chunk)
            }
            Packing::Deflate(decoder) => {
                decoder.sink.packed_bytes = packed_bytes;
                decoder.push(chunk)
            }
        };
        done.map_err(|_| self.unread())
    }

    /// The whole body.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, Unread> {
        // A reply without a body may name a packing all the same.
        let done = match &mut self.packing {
            _ if self.packed_bytes == 0 => Ok(()),
            Packing::Identity(_) => Ok(()),
            Packing::Gzip(decoder) => decoder.try_finish(),
            Packing::Deflate(decoder) => decoder.finish(),
        };
        done.map_err(|_| self.unread())?;
        Ok(std::mem::take(&mut self.sink().bytes))
    }

    fn sink(&mut self) -> &mut Sink {
        match &mut self.packing {
            Packing::Identity(sink) => sink,
            Packing::Gzip(decoder) => decoder.get_mut(),
            Packing::Deflate(decoder) => &mut decoder.sink,
        }
    }

    fn unread(&mut self) -> Unread {
        let cap = self.cap;
        match self.sink().overrun {
            None => Unread::Damaged,
            Some(Overrun::Cap) => Unread::Refused(Error::bad_reply(format!(
                "the reply is larger than the {cap} bytes that are read of one: ask for smaller pages"
            ))),
            Some(Overrun::Ratio) => Unread::Refused(Error::bad_reply(format!(
                "the reply unpacks to more than {HIGHEST_RATIO} times its size: reading stopped before the cap of {cap} bytes"
            ))),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        let length = self.bytes.len() + more.len();
        let packed = self.packed_bytes > 0;
        if length > self.most {
            self.overrun = Some(Overrun::Cap);
        } else if packed && length > UNSUSPECTED_BYTES && length as u64 / HIGHEST_RATIO > self.packed_bytes {
            self.overrun = Some(Overrun::Ratio);
        }
        if self.overrun.is_some() {
            return Err(io::Error::other("too large"));
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `deflate`, which some servers send with the zlib header that the standard asks for and some without.
struct Deflate {
    sink: Sink,
    inner: Option<Decompress>,
    first: Option<u8>,
    ended: bool,
}

impl Deflate {
    fn new(sink: Sink) -> Self {
        Deflate { sink, inner: None, first: None, ended: false }
    }

    fn push(&mut self, chunk: &[u8]) -> io::Result<()> {
        if self.inner.is_some() {
            return self.inflate(chunk);
        }
        // The first two bytes tell whether there is a zlib header (RFC 1950).
        let start: Vec<u8> = self.first.iter().copied().chain(chunk.iter().copied()).take(2).collect();
        let &[a, b] = start.as_slice() else {
            self.first = self.first.or_else(|| chunk.first().copied());
            return Ok(());
        };
        let has_header = a & 0x0f == 8 && u16::from_be_bytes([a, b]) % 31 == 0;
        self.inner = Some(Decompress::new(has_header));
        if let Some(first) = self.first {
            self.inflate(&[first])?;
        }
        self.inflate(chunk)
    }

    fn inflate(&mut self, mut chunk: &[u8]) -> io::Result<()> {
        let Some(inner) = &mut self.inner else { return Ok(()) };
        let mut page = [0; 16 << 10];
        while !self.ended {
            let (read, written) = (inner.total_in(), inner.total_out());
            let status =
                inner.decompress(chunk, &mut page, FlushDecompress::None).map_err(io::Error::other)?;
            let (read, written) = (inner.total_in() - read, inner.total_out() - written);
            chunk = chunk.get(usize::try_from(read).unwrap_or(usize::MAX)..).unwrap_or_default();
            self.sink.write_all(&page[..usize::try_from(written).unwrap_or_default()])?;
            self.ended = status == Status::StreamEnd;
            if chunk.is_empty() && written < page.len() as u64 {
                break;
            }
            if read == 0 && written == 0 && !self.ended {
                return Err(io::Error::other("no progress"));
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.ended { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

#[cfg(test)]
mod tests {
    use flate2::{
        Compression,
        write::{DeflateEncoder, GzEncoder, ZlibEncoder},
    };
    use plugin_api::ErrorKind;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn deflate(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(encoding: &str, cap: u64, packed: &[u8], chunk: usize) -> Result<Vec<u8>, Unread> {
        let mut body = Body::new(encoding, cap).map_err(Unread::Refused)?;
        for part in packed.chunks(chunk) {
            body.push(part)?;
        }
        body.finish()
    }

    /// Some 100 kB that do not pack too well.
    fn text() -> Vec<u8> {
        (0..20_000_u64).flat_map(|n| (n * n % 9_973).to_string().into_bytes()).collect()
    }

    #[test]
    fn every_packing_that_is_asked_for_is_read_in_any_pieces() {
        let text = text();
        for chunk in [1, 2, 3, 1_000, usize::MAX] {
            for (encoding, packed) in [
                ("", text.clone()),
                ("identity", text.clone()),
                ("gzip", gzip(&text)),
                ("X-GZip", gzip(&text)),
                ("deflate", zlib(&text)),
                ("deflate", deflate(&text)),
            ] {
                assert!(read(encoding, 1 << 20, &packed, chunk).unwrap() == text, "{encoding} by {chunk}");
            }
        }
    }

    #[test]
    fn a_body_cut_short_is_damaged_and_never_half_taken() {
        let text = text();
        for (encoding, packed) in
            [("gzip", gzip(&text)), ("deflate", zlib(&text)), ("deflate", deflate(&text))]
        {
            for keep in [1, 2, 5, 12, packed.len() / 2, packed.len() - 1] {
                let result = read(encoding, 1 << 20, &packed[..keep], 100);
                assert!(
                    matches!(result, Err(Unread::Damaged)),
                    "{encoding}, {keep} of {} bytes",
                    packed.len()
                );
            }
        }
    }

    #[test]
    fn a_damaged_body_is_damaged() {
        let text = text();
        for (encoding, mut packed) in [("gzip", gzip(&text)), ("deflate", zlib(&text))] {
            let middle = packed.len() / 2;
            packed[middle] ^= 0xff;
            assert!(matches!(read(encoding, 1 << 20, &packed, 100), Err(Unread::Damaged)), "{encoding}");
            assert!(matches!(read(encoding, 1 << 20, b"<html>not packed</html>", 100), Err(Unread::Damaged)));
        }
    }

    #[test]
    fn the_cap_counts_unpacked_bytes_and_is_named() {
        let text = text();
        let exact = text.len() as u64;
        for (encoding, packed) in
            [("", text.clone()), ("gzip", gzip(&text)), ("deflate", zlib(&text)), ("deflate", deflate(&text))]
        {
            assert!(read(encoding, exact, &packed, 1_000).is_ok(), "{encoding}");
            let Err(Unread::Refused(error)) = read(encoding, exact - 1, &packed, 1_000) else {
                panic!("{encoding}")
            };
            assert_eq!(error.kind, ErrorKind::BadReply);
            assert!(error.message.contains(&format!("{} bytes", exact - 1)), "{error}");
        }
    }

    #[test]
    fn a_bomb_is_stopped_long_before_the_cap() {
        let zeros = vec![0; 32 << 20];
        for (encoding, packed) in
            [("gzip", gzip(&zeros)), ("deflate", zlib(&zeros)), ("deflate", deflate(&zeros))]
        {
            let mut body = Body::new(encoding, 64 << 20).unwrap();
            let stopped = packed.chunks(1_000).find_map(|chunk| body.push(chunk).err());
            let Some(Unread::Refused(error)) = stopped else { panic!("{encoding}") };
            assert!(error.kind == ErrorKind::BadReply && error.message.contains("200 times"), "{error}");
            assert!(body.sink().bytes.len() <= (1 << 20) + (32 << 10), "{}", body.sink().bytes.len());
        }
    }

    #[test]
    fn well_packed_but_small_is_fine() {
        let zeros = vec![0; 1 << 20];
        assert_eq!(read("gzip", 64 << 20, &gzip(&zeros), 10_000).unwrap().len(), 1 << 20);
    }

    #[test]
    fn an_unknown_packing_is_refused() {
        for encoding in ["br", "zstd", "gzip, gzip", "compress", "gzip;q=1"] {
            let error = Body::new(encoding, 100).err().expect(encoding);
            assert_eq!(error.kind, ErrorKind::BadReply);
        }
    }

    #[test]
    fn no_body_at_all_is_an_empty_one_whatever_its_packing() {
        for encoding in ["", "gzip", "deflate"] {
            assert!(read(encoding, 100, b"", 10).unwrap().is_empty());
        }
    }
}
