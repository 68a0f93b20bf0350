//! `$(NAME)` becomes the value of a variable: as a stream, because a configuration may be larger than the memory a sidecar
//! is given.
//!
//! A reference is what Go's `\$\(([a-zA-Z_0-9]+)\)` finds; `$1`, `${1}` and `$NAME` belong to relabelling and stay. A
//! variable that isn't set stays as it is written, and is told. Values aren't expanded again.

use std::io::{self, Write};

use crate::environment::Environment;

/// Writes on what is written to it, expanded.
#[derive(Debug)]
pub(crate) struct Expander<'a, W> {
    out: W,
    environment: &'a Environment,
    /// What may become a reference: nothing, `$`, or `$(` and a part of a name.
    pending: Vec<u8>,
    unset: Vec<String>,
}

impl<'a, W: Write> Expander<'a, W> {
    /// Expanded with these variables.
    pub(crate) fn new(out: W, environment: &'a Environment) -> Self {
        Self {
            out,
            environment,
            pending: Vec::new(),
            unset: Vec::new(),
        }
    }

    /// Writes what is left. What was written to, and the variable of each reference that isn't set, in order.
    pub(crate) fn finish(mut self) -> io::Result<(W, Vec<String>)> {
        self.out.write_all(&self.pending)?;
        self.out.flush()?;
        Ok((self.out, self.unset))
    }

    /// Takes one byte when it could belong to a reference, after a byte that could.
    fn take(&mut self, byte: u8) -> io::Result<()> {
        let opened = self.pending.len() > 1;
        match byte {
            b'(' if self.pending == b"$" => self.pending.push(byte),
            b')' if self.pending.len() > 2 => {
                self.pending.push(byte);
                self.resolve()?;
            }
            b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' if opened => self.pending.push(byte),
            _ => {
                self.out.write_all(&self.pending)?;
                self.pending.clear();
                if byte == b'$' {
                    self.pending.push(byte);
                } else {
                    self.out.write_all(&[byte])?;
                }
            }
        }
        Ok(())
    }

    /// Writes what a whole reference stands for.
    fn resolve(&mut self) -> io::Result<()> {
        let name = self.pending.get(2..self.pending.len() - 1);
        let name = name.unwrap_or_default();
        if let Some(value) = self.environment.get(name) {
            self.out.write_all(value)?;
        } else {
            self.unset.push(String::from_utf8_lossy(name).into_owned());
            self.out.write_all(&self.pending)?;
        }
        self.pending.clear();
        Ok(())
    }
}

impl<W: Write> Write for Expander<'_, W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let mut rest = buffer;
        while let Some((byte, after)) = rest.split_first() {
            if !self.pending.is_empty() {
                self.take(*byte)?;
                rest = after;
                continue;
            }
            let plain = rest.iter().take_while(|byte| **byte != b'$').count();
            let (plain, reference) = rest.split_at(plain);
            self.out.write_all(plain)?;
            rest = reference;
            if let Some((dollar, after)) = reference.split_first() {
                self.pending.push(*dollar);
                rest = after;
            }
        }
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        let variables = [
            ("POD_NAME", "prometheus-k8s-1"),
            ("SHARD", "0"),
            ("NESTED", "$(SHARD)"),
            ("EMPTY", ""),
        ];
        Environment::of_process(variables.map(|(name, value)| (name.into(), value.into())))
    }

    fn expand(pieces: &[&[u8]]) -> (String, Vec<String>) {
        let environment = environment();
        let mut expander = Expander::new(Vec::new(), &environment);
        for piece in pieces {
            expander.write_all(piece).unwrap();
        }
        let (out, unset) = expander.finish().unwrap();
        (String::from_utf8(out).unwrap(), unset)
    }

    #[test]
    fn references_become_values() {
        for (text, expanded) in [
            ("replica: $(POD_NAME)\n", "replica: prometheus-k8s-1\n"),
            ("$(SHARD)$(SHARD)", "00"),
            ("a$$(SHARD)b", "a$0b"),
            ("$(EMPTY)|", "|"),
            ("$(NESTED)", "$(SHARD)"),
            ("$($(SHARD))", "$(0)"),
            ("$(POD_$(SHARD)", "$(POD_0"),
        ] {
            assert_eq!(
                expand(&[text.as_bytes()]),
                (expanded.to_owned(), vec![]),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_reference_stays() {
        for text in [
            "$1",
            "${1}",
            "$SHARD",
            "${SHARD}",
            "$()",
            "$(",
            "$",
            "$(SHARD",
            "$( SHARD)",
            "$(A-B)",
            "(SHARD)",
            "$(ä)",
            "",
        ] {
            assert_eq!(
                expand(&[text.as_bytes()]),
                (text.to_owned(), vec![]),
                "{text}"
            );
        }
    }

    #[test]
    fn unset_variables_stay_and_are_told_one_by_one() {
        let (text, unset) = expand(&[b"$(NO) $(SHARD) $(NEITHER) $(NO)"]);
        assert_eq!(text, "$(NO) 0 $(NEITHER) $(NO)");
        assert_eq!(unset, ["NO", "NEITHER", "NO"]);
    }

    #[test]
    fn it_does_not_matter_where_the_stream_is_cut() {
        let text = b"a: $(POD_NAME)$$(SHARD)$(NO)$1$(";
        let whole = expand(&[text]);
        for cut in 0..text.len() {
            let (head, tail) = text.split_at(cut);
            assert_eq!(expand(&[head, tail]), whole, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(expand(&bytes), whole);
    }
}
