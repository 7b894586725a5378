//! QR codes as PNG pictures.

use kernel::Phi;
use qrcodegen::{QrCode, QrCodeEcc};
use web::ApiError;

/// How many dots of the picture one dot of the code takes, on each side.
const SCALE: i32 = 6;
/// How many dots of the code stay white around it, as its standard asks.
const QUIET: i32 = 4;

/// A text as the picture of a QR code, in a `data:` address that a browser shows.
pub(crate) fn data_url(text: &str) -> Result<Phi<String>, ApiError> {
    use base64::Engine;
    let png = png_of(text)?;
    Ok(Phi::new(format!("data:image/png;base64,{}", base64::engine::general_purpose::STANDARD.encode(png))))
}

fn png_of(text: &str) -> Result<Vec<u8>, ApiError> {
    let code =
        QrCode::encode_text(text, QrCodeEcc::Medium).map_err(|_| ApiError::internal("too long for a QR code"))?;
    let side = (code.size() + 2 * QUIET) * SCALE;
    // One bit for each dot, eight to a byte; each row begins a new byte. 1 is white.
    let mut rows = Vec::new();
    for y in 0..side {
        for first in (0..side).step_by(8) {
            let is_white = |x: i32| x >= side || !code.get_module(x / SCALE - QUIET, y / SCALE - QUIET);
            rows.push((0..8).fold(0_u8, |byte, bit| (byte << 1) | u8::from(is_white(first + bit))));
        }
    }
    let side = u32::try_from(side).map_err(ApiError::internal)?;
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header().map_err(ApiError::internal)?;
    writer.write_image_data(&rows).map_err(ApiError::internal)?;
    writer.finish().map_err(ApiError::internal)?;
    Ok(png)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the picture's middles back and compares them with the code, the white frame included.
    #[test]
    fn the_picture_is_the_code() {
        let text = "otpauth://totp/ConsentMD:ann@example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=ConsentMD";
        let png = png_of(text).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&png)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).unwrap();
        let size = code.size();
        assert_eq!(frame.width, u32::try_from((size + 2 * QUIET) * SCALE).unwrap());
        for y in -QUIET..size + QUIET {
            for x in -QUIET..size + QUIET {
                let (px, py) = ((x + QUIET) * SCALE + SCALE / 2, (y + QUIET) * SCALE + SCALE / 2);
                let byte = pixels[usize::try_from(py).unwrap() * frame.line_size + usize::try_from(px / 8).unwrap()];
                let is_dark = byte >> (7 - px % 8) & 1 == 0;
                assert_eq!(is_dark, code.get_module(x, y), "{x}, {y}");
            }
        }
        assert!(data_url(text).unwrap().disclose().starts_with("data:image/png;base64,iVBORw0KGgo"));
        assert!(png.len() < 2_000, "{} bytes", png.len());
    }

    #[test]
    fn what_is_too_long_is_an_error() {
        assert!(png_of(&"x".repeat(5000)).is_err());
    }
}
