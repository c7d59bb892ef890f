//! The gzip bomb: small on the wire, half a gigabyte in the memory of whoever does not count.

use flate2::{Compress, Compression, Crc, FlushCompress};

/// What it decodes to: a valid profile, so that only a limit on what was decoded refuses it.
const OPENING: &[u8] = br#"{"login":"bomb","id":1,"name":null,"bio":""#;
const CLOSING: &[u8] = br#""}"#;
/// MiB of padding between the two.
const MEBIBYTES: usize = 512;

/// Makes the bomb (RFC 1952). One MiB is deflated once and repeated: a full flush leaves it independent of what is before
/// it, so making half a gigabyte costs no more than making one MiB.
pub(crate) fn gzip() -> Vec<u8> {
    let filler = vec![b'a'; 1 << 20];
    let mut deflate = Compress::new(Compression::best(), false);
    let mut body = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut sum = Crc::new();
    body.extend(deflated(&mut deflate, OPENING, FlushCompress::Full));
    sum.update(OPENING);

    let block = deflated(&mut deflate, &filler, FlushCompress::Full);
    let mut block_sum = Crc::new();
    block_sum.update(&filler);
    for _ in 0..MEBIBYTES {
        body.extend_from_slice(&block);
        sum.combine(&block_sum);
    }

    body.extend(deflated(&mut deflate, CLOSING, FlushCompress::Finish));
    sum.update(CLOSING);
    body.extend_from_slice(&sum.sum().to_le_bytes());
    body.extend_from_slice(&sum.amount().to_le_bytes());
    body
}

fn deflated(deflate: &mut Compress, data: &[u8], flush: FlushCompress) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 << 10);
    let before = deflate.total_in();
    deflate.compress_vec(data, &mut out, flush).expect("deflate takes all bytes");
    assert_eq!(
        deflate.total_in() - before,
        data.len() as u64,
        "16 KiB hold what a MiB of one letter deflates to"
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn the_bomb_is_under_a_mebibyte_and_decodes_to_json_with_no_error_at_its_end() {
        let bomb = gzip();
        assert!(bomb.len() < 1 << 20, "{} bytes", bomb.len());
        let mut decoded = flate2::read::GzDecoder::new(bomb.as_slice());
        let mut opening = vec![0; OPENING.len()];
        decoded.read_exact(&mut opening).unwrap();
        assert_eq!(opening, OPENING);
        let mut buffer = vec![0; 1 << 20];
        let (mut length, mut tail) = (OPENING.len(), Vec::new());
        loop {
            let count = decoded.read(&mut buffer).unwrap();
            if count == 0 {
                break;
            }
            length += count;
            tail = buffer[count.saturating_sub(CLOSING.len())..count].to_vec();
        }
        assert_eq!(length, OPENING.len() + (MEBIBYTES << 20) + CLOSING.len());
        assert!(CLOSING.ends_with(&tail), "{tail:?}");
    }
}
