//! Image processing: a PNG, JPEG, GIF or WebP in, a small JPEG out, in memory that is bounded before a pixel is decoded.
//!
//! A few kilobytes can say that they hold a gigabyte of pixels, so the head is read first and the rest only when it fits.

use std::io::Cursor;

use fast_image_resize::Resizer;
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use image::codecs::jpeg::JpegEncoder;
use image::error::ImageError;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, Rgb, RgbImage, Rgba};
use memchr::memmem;

use crate::{Failed, step};

/// The most pixels that are decoded: a camera's 24 million pass.
pub const MOST_PIXELS: u64 = 25_000_000;

/// The longest side that is decoded, in pixels.
pub const LONGEST_SIDE: u32 = 16_384;

/// What a decoder may take over the pixels it returns, in bytes.
const SCRATCH: u64 = 64 << 20;

/// What the pixels may take: four bytes each, so an image of 16 bits a channel may have half as many.
const MOST_BYTES: u64 = MOST_PIXELS * 4;

/// How well a JPEG keeps what it shows, of 100.
const QUALITY: u8 = 80;

/// The first picture of `image`, as a JPEG no wider than `width` pixels; a narrower one keeps its size.
///
/// Turned as its camera says; what is transparent becomes white. `go_on` is asked between decoding, shrinking and
/// encoding.
///
/// # Errors
///
/// When it is no image, a broken one or a huge one, or `go_on` said no.
pub fn thumbnail(image: &[u8], width: u32, go_on: impl Fn() -> bool) -> Result<Vec<u8>, Failed> {
    let (picture, turned) = decode(image)?;
    step(&go_on)?;
    let mut small = DynamicImage::from(shrink(flat(picture), width, turned)?);
    step(&go_on)?;
    small.apply_orientation(turned);
    let mut jpeg = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut jpeg, QUALITY);
    small.write_with_encoder(encoder).map_err(|_| Failed::BrokenImage)?;
    Ok(jpeg)
}

/// All pixels, and how the camera was held.
fn decode(image: &[u8]) -> Result<(DynamicImage, Orientation), Failed> {
    let format = image::guess_format(image).map_err(|_| Failed::NotAnImage)?;
    if format == ImageFormat::Jpeg && !ends(image) {
        return Err(Failed::BrokenImage);
    }
    let mut reader = ImageReader::with_format(Cursor::new(image), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(MOST_BYTES + SCRATCH);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(why)?;
    let (width, height) = decoder.dimensions();
    let huge = u64::from(width) * u64::from(height) > MOST_PIXELS
        || width.max(height) > LONGEST_SIDE
        || decoder.total_bytes() > MOST_BYTES;
    if huge {
        return Err(Failed::HugeImage);
    }
    let turned = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    Ok((DynamicImage::from_decoder(decoder).map_err(why)?, turned))
}

fn why(error: ImageError) -> Failed {
    match error {
        ImageError::Limits(_) => Failed::HugeImage,
        // Also a format that `image` knows and this build does not read.
        ImageError::Unsupported(_) => Failed::NotAnImage,
        _ => Failed::BrokenImage,
    }
}

/// Whether a JPEG has its end. The decoder fills up with grey what a JPEG lacks, and calls that a success.
///
/// The end counts only behind the head of the picture's own scan: a camera's preview in the fields before has one, too.
fn ends(jpeg: &[u8]) -> bool {
    const SCAN: u8 = 0xda;
    let mut rest = &jpeg[2.min(jpeg.len())..];
    while let [0xff, marker, more @ ..] = rest {
        match (marker, more) {
            // Fill bytes before a marker.
            (0xff, _) => rest = &rest[1..],
            (&SCAN, more) => return memmem::rfind(more, &[0xff, 0xd9]).is_some(),
            (_, [high, low, ..]) => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                rest = more.get(length..).unwrap_or_default();
            }
            _ => return false,
        }
    }
    // Nothing of a JPEG: let the decoder say so.
    true
}

/// On white paper: a JPEG has no transparency. Before it shrinks, or what cannot be seen would bleed into its edges.
fn flat(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let picture = picture.into_rgba8();
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let Rgba([red, green, blue, alpha]) = *picture.get_pixel(x, y);
        let mixed = |ink: u8| {
            let ink = u16::from(ink) * u16::from(alpha) + 255 * (255 - u16::from(alpha));
            (ink / 255) as u8
        };
        Rgb([red, green, blue].map(mixed))
    })
}

/// The picture at most `width` wide once it is `turned`, and as high as that makes it.
fn shrink(picture: RgbImage, width: u32, turned: Orientation) -> Result<RgbImage, Failed> {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    let lies = matches!(turned, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH);
    let shown = if lies { picture.height() } else { picture.width() };
    if shown <= width {
        return Ok(picture);
    }
    let scaled = |side: u32| {
        let side = u64::from(side) * u64::from(width) / u64::from(shown);
        u32::try_from(side).expect("it is smaller than it was").max(1)
    };
    let mut small = RgbImage::new(scaled(picture.width()), scaled(picture.height()));
    // The one kind of pixel that a JPEG has: to compile the resizer for all that it knows takes longer than a server.
    let (width, height) = small.dimensions();
    let from = TypedImageRef::<U8x3>::from_buffer(picture.width(), picture.height(), &picture);
    let to = TypedImage::<U8x3>::from_buffer(width, height, &mut small);
    let (Ok(from), Ok(mut to)) = (from, to) else { return Err(Failed::BrokenImage) };
    let sized = Resizer::new().resize_typed(&from, &mut to, None);
    sized.map(|()| small).map_err(|_| Failed::BrokenImage)
}

#[cfg(test)]
mod tests {
    use image::GenericImageView;
    use proptest::prelude::*;

    use super::*;

    const FORMATS: [ImageFormat; 4] =
        [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP];

    fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let picture =
            RgbImage::from_fn(width, height, |x, y| Rgb([x as u8, y as u8, (x ^ y) as u8]));
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::from(picture).write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn size(jpeg: &[u8]) -> (u32, u32) {
        assert_eq!(image::guess_format(jpeg).unwrap(), ImageFormat::Jpeg);
        image::load_from_memory(jpeg).unwrap().dimensions()
    }

    #[test]
    fn a_thumbnail_is_as_wide_as_asked_and_keeps_its_shape() {
        for format in FORMATS {
            let jpeg = thumbnail(&picture(400, 200, format), 100, || true).unwrap();
            assert_eq!(size(&jpeg), (100, 50), "{format:?}");
        }
    }

    #[test]
    fn a_picture_that_is_small_already_keeps_its_size() {
        assert_eq!(
            size(&thumbnail(&picture(40, 20, ImageFormat::Png), 100, || true).unwrap()),
            (40, 20)
        );
        let thin = picture(400, 1, ImageFormat::Png);
        assert_eq!(size(&thumbnail(&thin, 10, || true).unwrap()), (10, 1));
    }

    #[test]
    fn what_is_transparent_becomes_white() {
        let clear = DynamicImage::new_rgba8(64, 64);
        let mut png = Cursor::new(Vec::new());
        clear.write_to(&mut png, ImageFormat::Png).unwrap();
        let jpeg = thumbnail(&png.into_inner(), 8, || true).unwrap();
        assert_eq!(image::load_from_memory(&jpeg).unwrap().get_pixel(4, 4), Rgba([255; 4]));
    }

    #[test]
    fn what_is_no_image_is_told_from_a_broken_one() {
        for bytes in [&b""[..], b"hello", b"%PDF-1.7", b"<svg/>", b"BM6\0\0\0", &[0; 1_000]] {
            assert_eq!(thumbnail(bytes, 10, || true), Err(Failed::NotAnImage), "{bytes:?}");
        }
        for start in [&b"\x89PNG\r\n\x1a\n"[..], b"\xff\xd8\xff", b"GIF89a", b"RIFF\0\0\0\0WEBP"] {
            assert_eq!(thumbnail(start, 10, || true), Err(Failed::BrokenImage), "{start:?}");
        }
    }

    #[test]
    fn an_image_that_was_cut_short_is_broken_wherever_it_was_cut() {
        for format in FORMATS {
            let whole = picture(300, 300, format);
            for part in [30, 50, 90] {
                let cut = &whole[..whole.len() * part / 100];
                assert_eq!(
                    thumbnail(cut, 10, || true),
                    Err(Failed::BrokenImage),
                    "{format:?} {part} %"
                );
            }
        }
    }

    /// A PNG of a hundred bytes that says it is a square of this side.
    fn bomb(side: u32) -> Vec<u8> {
        let mut png = picture(1, 1, ImageFormat::Png);
        // The head is at byte 16: width, height; its checksum at 29.
        png[16..20].copy_from_slice(&side.to_be_bytes());
        png[20..24].copy_from_slice(&side.to_be_bytes());
        let sum = crc(&png[12..29]);
        png[29..33].copy_from_slice(&sum.to_be_bytes());
        png
    }

    fn crc(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0, |sum: u32, byte| {
            (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
                (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg())
            })
        })
    }

    #[test]
    fn a_decompression_bomb_is_refused_by_its_head() {
        for side in [5_001, 16_384, 65_535, 2_000_000_000] {
            let refused = thumbnail(&bomb(side), 10, || panic!("it was decoded"));
            assert_eq!(refused, Err(Failed::HugeImage), "{side}");
        }
    }

    #[test]
    fn it_stops_between_two_steps_when_told_to() {
        assert_eq!(
            thumbnail(&picture(40, 20, ImageFormat::Png), 10, || false),
            Err(Failed::Stopped)
        );
    }

    proptest! {
        #[test]
        fn no_change_of_a_byte_makes_it_panic(which in 0_usize..4, at in 0.0..1.0, to: u8) {
            let mut bytes = picture(64, 48, FORMATS[which]);
            let at = (at * bytes.len() as f64) as usize;
            bytes[at] = to;
            let _ = thumbnail(&bytes, 16, || true);
        }
    }
}
