//! Names of volumes (upstream's `pkg/k8s/resource_namer.go`).

use std::collections::BTreeSet;

use machinery::names::dns1123_label;

use super::WorkloadError;

const LONGEST: usize = 63;

/// Gives volumes of one pod names that are labels and differ.
#[derive(Debug, Default)]
pub(super) struct VolumeNames(BTreeSet<String>);

impl VolumeNames {
    /// `prefix-name` as a label, cut at 63 characters; with a hash at the end if another volume has that name already.
    pub(super) fn label(&mut self, prefix: &str, name: &str) -> Result<String, WorkloadError> {
        let mut label = sanitised(prefix, name);
        label.truncate(LONGEST);
        let label = if self.0.contains(&label) {
            unique_label(prefix, name)?
        } else {
            checked(label)?
        };
        self.0.insert(label.clone());
        Ok(label)
    }
}

/// `prefix-name-hash` as a label, where the hash of the name is never cut off.
pub(super) fn unique_label(prefix: &str, name: &str) -> Result<String, WorkloadError> {
    let hash: String = format!("{:x}", xxhash64(name.as_bytes()))
        .chars()
        .take(8)
        .collect();
    let mut label = sanitised(prefix, name);
    label.truncate(LONGEST - 9);
    checked(format!("{label}-{hash}"))
}

/// The volume of an object that is called as its volume is wherever that is a label; else it ends in a hash.
pub(super) fn volume_of(name: &str) -> Result<String, WorkloadError> {
    if dns1123_label(name).is_empty() {
        Ok(name.to_owned())
    } else {
        unique_label("", name)
    }
}

fn sanitised(prefix: &str, name: &str) -> String {
    let whole = format!("{}-{name}", prefix.trim_end_matches('-')).to_lowercase();
    let mut label = String::with_capacity(whole.len());
    for c in whole.chars() {
        match c {
            'a'..='z' | '0'..='9' | '-' => label.push(c),
            _ if label.ends_with(REPLACED) => {}
            _ => label.push(REPLACED),
        }
    }
    label.replace(REPLACED, "-").trim_matches('-').to_owned()
}

/// Stands for characters that a label cannot hold, until it is known how many come in a row.
const REPLACED: char = '\0';

fn checked(label: String) -> Result<String, WorkloadError> {
    let errors = dns1123_label(&label);
    if errors.is_empty() {
        Ok(label)
    } else {
        Err(WorkloadError(errors.join(",")))
    }
}

const P1: u64 = 0x9E37_79B1_85EB_CA87;
const P2: u64 = 0xC2B2_AE3D_27D4_EB4F;
const P3: u64 = 0x1656_67B1_9E37_79F9;
const P4: u64 = 0x85EB_CA77_C2B2_AE63;
const P5: u64 = 0x27D4_EB2F_1656_67C5;

/// XXH64 with seed 0.
fn xxhash64(bytes: &[u8]) -> u64 {
    let (blocks, mut rest) = bytes.as_chunks::<32>();
    let mut sum = if blocks.is_empty() {
        P5
    } else {
        let mut lanes = [P1.wrapping_add(P2), P2, 0, 0u64.wrapping_sub(P1)];
        for block in blocks {
            let (words, _) = block.as_chunks::<8>();
            for (lane, word) in lanes.iter_mut().zip(words) {
                *lane = round(*lane, u64::from_le_bytes(*word));
            }
        }
        let [a, b, c, d] = lanes;
        let sum = a
            .rotate_left(1)
            .wrapping_add(b.rotate_left(7))
            .wrapping_add(c.rotate_left(12))
            .wrapping_add(d.rotate_left(18));
        lanes.iter().fold(sum, |sum, lane| {
            (sum ^ round(0, *lane)).wrapping_mul(P1).wrapping_add(P4)
        })
    };
    sum = sum.wrapping_add(bytes.len() as u64);
    while let Some((word, after)) = rest.split_first_chunk::<8>() {
        sum ^= round(0, u64::from_le_bytes(*word));
        sum = sum.rotate_left(27).wrapping_mul(P1).wrapping_add(P4);
        rest = after;
    }
    if let Some((word, after)) = rest.split_first_chunk::<4>() {
        sum ^= u64::from(u32::from_le_bytes(*word)).wrapping_mul(P1);
        sum = sum.rotate_left(23).wrapping_mul(P2).wrapping_add(P3);
        rest = after;
    }
    for byte in rest {
        sum ^= u64::from(*byte).wrapping_mul(P5);
        sum = sum.rotate_left(11).wrapping_mul(P1);
    }
    sum = (sum ^ (sum >> 33)).wrapping_mul(P2);
    sum = (sum ^ (sum >> 29)).wrapping_mul(P3);
    sum ^ (sum >> 32)
}

fn round(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(P2))
        .rotate_left(31)
        .wrapping_mul(P1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_xxh64() {
        assert_eq!(xxhash64(b""), 0xef46_db37_51d8_e999);
        assert_eq!(xxhash64(b"a"), 0xd24e_c4f1_a98c_6e5b);
        assert_eq!(
            xxhash64(b"Nobody inspects the spammish repetition"),
            0xfbce_a83c_8a37_8bf1
        );
        assert_eq!(
            unique_label("web-config-tls-secret-key-", "some-secret").unwrap(),
            "web-config-tls-secret-key-some-secret-3556f148"
        );
    }

    #[test]
    fn names_are_labels_and_stay_apart() {
        let mut names = VolumeNames::default();
        assert_eq!(
            names.label("secret", "My.Own_.Secret").unwrap(),
            "secret-my-own-secret"
        );
        let long = "a".repeat(80);
        let first = names.label("secret", &format!("{long}1")).unwrap();
        let second = names.label("secret", &format!("{long}2")).unwrap();
        assert_eq!(first, format!("secret-{}", "a".repeat(56)));
        assert_eq!((second.len(), second.starts_with("secret-aaa")), (63, true));
        assert_ne!(first, second);
        assert!(names.label("", "---").is_err());
    }
}
