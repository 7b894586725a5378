//! Avatar images: what is taken, what is made of it, and where it is.

use std::io::Cursor;
use std::sync::LazyLock;
use std::time::Duration;

use blobs::{BlobName, UrlFor};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use kernel::{TenantId, Time, UserId};
use tokio::sync::Semaphore;
use web::{ApiError, App};

/// The largest file taken, in bytes.
pub(crate) const MOST_BYTES: usize = 5 * 1024 * 1024;
/// The largest width and height taken, in pixels.
const MOST_PIXELS: u32 = 4096;
/// The width and height of what is made of it.
const SIDE: u32 = 256;
/// What decoding may take: 8 bytes for each pixel, and room to work.
const MOST_MEMORY: u64 = 160 * 1024 * 1024;
const QUALITY: u8 = 85;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// One at a time, since each may take [`MOST_MEMORY`].
static TURN: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(1));

/// What an upload became: a square image of our own making, with nothing of the file that came but its pixels (no place,
/// no camera, nothing behind the image's end).
#[derive(Debug)]
pub(crate) struct Picture {
    /// The encoded image.
    pub(crate) bytes: Vec<u8>,
    /// Its content type.
    pub(crate) content_type: &'static str,
    /// The end of its name.
    pub(crate) extension: &'static str,
}

/// Makes an avatar of an upload.
pub(crate) async fn make(upload: Vec<u8>) -> Result<Picture, ApiError> {
    if upload.len() > MOST_BYTES {
        return Err(too_large());
    }
    let turn = TURN.acquire().await.map_err(ApiError::internal)?;
    let made = tokio::task::spawn_blocking(move || square(&upload)).await.map_err(ApiError::internal)?;
    drop(turn);
    made.map_err(|unfit| {
        ApiError::field(
            "avatar",
            match unfit {
                Unfit::NoImage => "avatar: a PNG, JPEG or WebP image; its content decides, not its name".to_owned(),
                Unfit::Dimensions => format!("avatar: at most {MOST_PIXELS} pixels wide and high"),
                Unfit::Damaged => "avatar: the image is damaged".to_owned(),
            },
        )
    })
}

/// What is said of a file that is too large.
pub(crate) fn too_large() -> ApiError {
    ApiError::field("avatar", format!("avatar: at most {} MiB", MOST_BYTES / (1024 * 1024)))
}

#[derive(Debug, PartialEq, Eq)]
enum Unfit {
    NoImage,
    Dimensions,
    Damaged,
}

fn square(upload: &[u8]) -> Result<Picture, Unfit> {
    let format = image::guess_format(upload).map_err(|_| Unfit::NoImage)?;
    if !matches!(format, ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP) {
        return Err(Unfit::NoImage);
    }
    // Its header alone, before anything is decoded: a small file can claim to be as large as it likes.
    let reader = || ImageReader::with_format(Cursor::new(upload), format);
    let (width, height) = reader().into_dimensions().map_err(|_| Unfit::Damaged)?;
    if !(1..=MOST_PIXELS).contains(&width) || !(1..=MOST_PIXELS).contains(&height) {
        return Err(Unfit::Dimensions);
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MOST_PIXELS);
    limits.max_image_height = Some(MOST_PIXELS);
    limits.max_alloc = Some(MOST_MEMORY);
    let mut reader = reader();
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|_| Unfit::Damaged)?;
    // Cameras write which way is up beside the pixels.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let decoded = DynamicImage::from_decoder(decoder).map_err(|_| Unfit::Damaged)?;
    let mut small = decoded.resize_to_fill(SIDE, SIDE, FilterType::Triangle);
    small.apply_orientation(orientation);
    encode(&small).map_err(|_| Unfit::Damaged)
}

fn encode(image: &DynamicImage) -> image::ImageResult<Picture> {
    let mut bytes = Vec::new();
    if image.color().has_alpha() {
        image.to_rgba8().write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)?;
        return Ok(Picture { bytes, content_type: "image/png", extension: "png" });
    }
    image.to_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, QUALITY))?;
    Ok(Picture { bytes, content_type: "image/jpeg", extension: "jpg" })
}

/// The blob of a user's avatar.
pub(crate) fn name(tenant: &TenantId, user: &UserId, version: &str) -> Result<BlobName, ApiError> {
    BlobName::in_tenant(tenant, &["avatars", user.as_str(), version]).map_err(ApiError::internal)
}

/// A URL of a user's avatar for whoever may see the user; the same one all day long, so that it is fetched once. `None`
/// where there is no avatar, or none can be had now: nothing else should fail for want of a picture.
pub(crate) async fn url(
    app: &App,
    tenant: &TenantId,
    user: &UserId,
    version: Option<&str>,
) -> Result<Option<String>, ApiError> {
    let Some(version) = version else { return Ok(None) };
    let name = name(tenant, user, version)?;
    match app.blobs.signed_url(&name, &UrlFor::Get, holds_until(app.now())).await {
        Ok(signed) => Ok(Some(signed.url)),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "an avatar's URL could not be signed");
            Ok(None)
        }
    }
}

/// The end of tomorrow.
fn holds_until(now: Time) -> Time {
    let day = i64::try_from(DAY.as_millis()).unwrap_or(i64::MAX);
    Time::from_millis((now.as_millis() / day + 2) * day)
}

#[cfg(test)]
pub(crate) mod tests {
    use image::{Rgb, RgbImage, Rgba, RgbaImage};

    use super::*;

    const RED: [u8; 3] = [200, 20, 20];
    const BLUE: [u8; 3] = [20, 20, 200];

    /// An image whose left half is red and whose right half is blue.
    pub(crate) fn two_halves(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let image = RgbImage::from_fn(width, height, |x, _| Rgb(if x < width / 2 { RED } else { BLUE }));
        let mut bytes = Vec::new();
        image.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
        bytes
    }

    /// A JPEG with EXIF data: an orientation, and text as a camera's place would be.
    pub(crate) fn with_exif(jpeg: &[u8], orientation: u8) -> Vec<u8> {
        let mut tiff = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        tiff.extend([orientation, 0, 0, 0, 0, 0, 0]);
        tiff.extend(b"Canary GPS 47.36 8.54");
        let length = u16::try_from(tiff.len() + 2).unwrap().to_be_bytes();
        [&jpeg[..2], &[0xff, 0xe1], &length, &tiff, &jpeg[2..]].concat()
    }

    fn near(pixel: Rgb<u8>, colour: [u8; 3]) -> bool {
        pixel.0.iter().zip(colour).all(|(a, b)| a.abs_diff(b) < 40)
    }

    /// A PNG of one pixel whose header says otherwise, with the right checksum.
    fn png_of(width: u32, height: u32) -> Vec<u8> {
        let mut png = two_halves(1, 1, ImageFormat::Png);
        png[16..20].copy_from_slice(&width.to_be_bytes());
        png[20..24].copy_from_slice(&height.to_be_bytes());
        let crc = !png[12..29].iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
        });
        png[29..33].copy_from_slice(&crc.to_be_bytes());
        png
    }

    #[test]
    fn every_format_becomes_a_small_square() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
            let picture = square(&two_halves(900, 300, format)).unwrap();
            assert_eq!((picture.content_type, picture.extension), ("image/jpeg", "jpg"));
            let made = image::load_from_memory(&picture.bytes).unwrap().to_rgb8();
            assert_eq!(made.dimensions(), (SIDE, SIDE));
            assert!(near(*made.get_pixel(20, 128), RED) && near(*made.get_pixel(236, 128), BLUE), "the middle stays");
        }
        let clear = RgbaImage::from_pixel(10, 10, Rgba([0, 0, 0, 0]));
        let mut bytes = Vec::new();
        clear.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
        assert_eq!(square(&bytes).unwrap().content_type, "image/png", "what is clear stays clear");
    }

    #[test]
    fn nothing_but_the_pixels_is_left() {
        let photo = with_exif(&two_halves(600, 600, ImageFormat::Jpeg), 6);
        let mut hidden = photo.clone();
        hidden.extend(b"<script>Canary</script>");
        for upload in [photo, hidden] {
            let picture = square(&upload).unwrap();
            let text = String::from_utf8_lossy(&picture.bytes).into_owned();
            assert!(!text.contains("Canary") && !text.contains("Exif"));
            // Turned by a quarter to the right: what was left is above.
            let made = image::load_from_memory(&picture.bytes).unwrap().to_rgb8();
            assert!(near(*made.get_pixel(128, 20), RED) && near(*made.get_pixel(128, 236), BLUE));
        }
    }

    #[test]
    fn what_claims_to_be_huge_is_not_decoded() {
        for (width, height) in [(4097, 1), (1, 4097), (60_000, 60_000), (u32::MAX >> 1, 1), (0, 1)] {
            let unfit = square(&png_of(width, height)).unwrap_err();
            assert!(matches!(unfit, Unfit::Dimensions | Unfit::Damaged), "{width}x{height}: {unfit:?}");
        }
        assert_eq!(square(&png_of(4097, 1)).unwrap_err(), Unfit::Dimensions);
        assert_eq!(square(&png_of(4096, 4096)).unwrap_err(), Unfit::Damaged, "it has not so many pixels");
    }

    #[test]
    fn other_files_are_refused() {
        let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
        let gif = b"GIF89a\x01\0\x01\0\0\0\0;";
        for other in [&svg[..], gif, b"", b"\xff\xd8\xff", b"%PDF-1.7", &[0x89, b'P', b'N', b'G']] {
            assert!(matches!(square(other), Err(Unfit::NoImage | Unfit::Damaged)), "{other:?}");
        }
        let png = two_halves(300, 300, ImageFormat::Png);
        assert_eq!(square(&png[..png.len() / 2]).unwrap_err(), Unfit::Damaged);
    }

    #[test]
    fn a_url_is_the_same_all_day() {
        let at = |text: &str| holds_until(text.parse().unwrap()).to_string();
        assert_eq!(at("2026-01-15T00:00:00Z"), "2026-01-17T00:00:00.000Z");
        assert_eq!(at("2026-01-15T23:59:59Z"), "2026-01-17T00:00:00.000Z");
    }
}
