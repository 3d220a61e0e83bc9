//! Makes pictures of pages small: a page has few colours, so a point needs no more than one byte.

use std::{collections::HashMap, io::Cursor};

use anyhow::{Context as _, Result};
use png::{BitDepth, ColorType, Compression, Decoder, Encoder, Filter};

type Colour = [u8; 3];

/// Colours of a palette.
const COLOURS: usize = 256;
/// Colours that differ less than this in every part look the same.
const ALIKE: u8 = 5;

/// The same picture with at most 256 colours, those that it has most of; every other becomes the nearest of them.
///
/// # Errors
/// If it is no PNG of 8-bit colours.
pub(super) fn small(picture: &[u8]) -> Result<Vec<u8>> {
    let mut reader = Decoder::new(Cursor::new(picture)).read_info()?;
    let mut bytes = vec![0; reader.output_buffer_size().context("a picture too large")?];
    let frame = reader.next_frame(&mut bytes)?;
    let step = match (frame.color_type, frame.bit_depth) {
        (ColorType::Rgb, BitDepth::Eight) => 3,
        (ColorType::Rgba, BitDepth::Eight) => 4,
        other => anyhow::bail!("a picture of another kind: {other:?}"),
    };
    let points =
        || bytes[..frame.buffer_size()].chunks_exact(step).map(|point| [point[0], point[1], point[2]]);
    let palette = palette(points());
    let mut known: HashMap<Colour, u8> = HashMap::new();
    let indices: Vec<u8> =
        points().map(|colour| *known.entry(colour).or_insert_with(|| nearest(&palette, colour))).collect();

    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, frame.width, frame.height);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette(palette.concat());
    encoder.set_compression(Compression::High);
    encoder.set_filter(Filter::NoFilter);
    encoder.write_header()?.write_image_data(&indices)?;
    Ok(out)
}

/// The colours that there is most of, leaving out those that look like one of them.
fn palette(points: impl Iterator<Item = Colour>) -> Vec<Colour> {
    let mut counts: HashMap<Colour, u32> = HashMap::new();
    for colour in points {
        *counts.entry(colour).or_default() += 1;
    }
    let mut ranked: Vec<(Colour, u32)> = counts.into_iter().collect();
    ranked.sort_unstable_by_key(|&(colour, count)| (std::cmp::Reverse(count), colour));
    let is_few = ranked.len() <= COLOURS;
    let mut palette: Vec<Colour> = Vec::with_capacity(COLOURS);
    for (colour, _) in ranked {
        let is_alike = |other: &Colour| other.iter().zip(colour).all(|(a, b)| a.abs_diff(b) < ALIKE);
        if is_few || !palette.iter().any(is_alike) {
            palette.push(colour);
        }
        if palette.len() == COLOURS {
            break;
        }
    }
    palette
}

fn nearest(palette: &[Colour], colour: Colour) -> u8 {
    let distance = |other: &Colour| -> u32 {
        other.iter().zip(colour).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
    };
    let place = palette.iter().enumerate().min_by_key(|(_, other)| distance(other)).map_or(0, |(at, _)| at);
    u8::try_from(place).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(points: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let width = u32::try_from(points.len() / 3).unwrap();
        let mut encoder = Encoder::new(&mut out, width, 1);
        encoder.set_color(ColorType::Rgb);
        encoder.set_depth(BitDepth::Eight);
        encoder.write_header().unwrap().write_image_data(points).unwrap();
        out
    }

    fn points(picture: &[u8]) -> Vec<u8> {
        let mut decoder = Decoder::new(Cursor::new(picture));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut bytes).unwrap();
        bytes.truncate(frame.buffer_size());
        bytes
    }

    #[test]
    fn a_picture_of_few_colours_stays_as_it_is() {
        let given = [1, 2, 3, 250, 0, 9, 1, 2, 4];
        assert_eq!(points(&small(&picture(&given)).unwrap()), given);
    }

    #[test]
    fn of_many_colours_each_becomes_one_that_is_near() {
        let given: Vec<u8> =
            (0..=255_u8).flat_map(|k| [k, 0, 0]).chain((0..=255).flat_map(|k| [0, k, k])).collect();
        let small = small(&picture(&given)).unwrap();
        let far = points(&small).iter().zip(&given).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(far.unwrap() < 2 * ALIKE, "{far:?}");
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        assert!(small(b"no picture").is_err());
    }
}
