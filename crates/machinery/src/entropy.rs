//! The one place where chance enters: a seeded generator (xoshiro256**) and the random texts of Kubernetes.
//! Equal seeds give equal sequences on every platform.

/// Letters and digits of generated name suffixes, without vowels and look-alikes
/// (`apimachinery/pkg/util/rand`).
const SUFFIX_ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// A deterministic source of random numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entropy {
    state: [u64; 4],
}

impl Entropy {
    /// A generator whose whole sequence follows from `seed`.
    pub fn seeded(seed: u64) -> Self {
        let mut mixer = seed;
        let state = std::array::from_fn(|_| split_mix(&mut mixer));
        Self { state }
    }

    /// A generator from 32 bytes, such as the operating system's randomness.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let mut state = [0_u64; 4];
        for (word, chunk) in state.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = chunk
                .iter()
                .fold(0, |word, byte| word << 8 | u64::from(*byte));
        }
        if state == [0; 4] {
            return Self::seeded(0);
        }
        Self { state }
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// A number in `0..n`; 0 when `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        let high = (u128::from(self.next_u64()) * u128::from(n)) >> 64;
        u64::try_from(high).unwrap_or_default()
    }

    /// An object uid in the shape of a version 4 UUID.
    pub fn uid(&mut self) -> String {
        let high = self.next_u64() & 0xffff_ffff_ffff_0fff | 0x4000;
        let low = self.next_u64() & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000;
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
    }

    /// `length` characters for the end of a generated name.
    pub fn suffix(&mut self, length: usize) -> String {
        (0..length).map(|_| self.suffix_char()).collect()
    }

    fn suffix_char(&mut self) -> char {
        let index = usize::try_from(self.below(27)).unwrap_or_default();
        SUFFIX_ALPHABET
            .get(index)
            .map_or('b', |byte| char::from(*byte))
    }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ *state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_sequences() {
        let (mut one, mut other) = (Entropy::seeded(7), Entropy::seeded(7));
        assert_eq!(one.uid(), other.uid());
        assert_ne!(one.uid(), Entropy::seeded(8).uid());
        assert_eq!(one.next_u64(), {
            other.uid();
            other.next_u64()
        });
    }

    #[test]
    fn uids_have_version_and_variant_of_a_random_uuid() {
        let mut entropy = Entropy::seeded(1);
        for _ in 0..50 {
            let uid = entropy.uid();
            assert_eq!(uid.len(), 36);
            assert_eq!(&uid[14..15], "4");
            assert!("89ab".contains(&uid[19..20]), "{uid}");
        }
    }

    #[test]
    fn suffixes_use_only_the_alphabet_of_generated_names() {
        let suffix = Entropy::seeded(3).suffix(500);
        assert_eq!(suffix.len(), 500);
        assert!(suffix.bytes().all(|byte| SUFFIX_ALPHABET.contains(&byte)));
        assert!(
            SUFFIX_ALPHABET
                .iter()
                .all(|byte| suffix.as_bytes().contains(byte))
        );
    }
}
