//! Names of files that pods mount, which are keys of Secrets and ConfigMaps.

use machinery::hash::hexadecimal;
use sha2::{Digest as _, Sha256};

/// Bytes of such a key at most; a name in a folder may have two more.
const LONGEST: usize = 253;
/// Digits of the digest that stands for what is cut off.
const DIGITS: usize = 32;

/// The name of a file, from what tells it from others and an ending. One that is too long is cut and gets a digest of all of
/// it; one that fits stays as it is, so that no pod is replaced for its sake.
pub(crate) fn file_name(stem: &str, ending: &str) -> String {
    let whole = format!("{stem}{ending}");
    if whole.len() <= LONGEST {
        return whole;
    }
    let kept = LONGEST.saturating_sub(ending.len() + 1 + DIGITS);
    let kept: String = stem.chars().take(kept).collect();
    let digest = hexadecimal(&Sha256::digest(stem));
    let digest: String = digest.chars().take(DIGITS).collect();
    format!("{kept}-{digest}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_does_not_fit_is_cut() {
        let fits = "k".repeat(248);
        assert_eq!(file_name(&fits, ".yaml"), format!("{fits}.yaml"));
        let long = "k".repeat(249);
        // sha256sum of 249 times the letter k
        let digest = "a6ba261ad72b97fe7684676174a94df8";
        let cut = format!("{}-{digest}.yaml", "k".repeat(215));
        assert_eq!((file_name(&long, ".yaml"), cut.len()), (cut, 253));
        assert_ne!(
            file_name(&format!("{long}1"), ""),
            file_name(&format!("{long}22222"), "")
        );
    }
}
