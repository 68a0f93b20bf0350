//! The text of jobs, made anew only for what changed.
//!
//! Jobs of many objects are kept together in chunks, compressed; a chunk ends before an object whose name says so, so that an
//! object that comes or goes moves no others from chunk to chunk. A pass in which one object changed renders that one, takes the
//! texts of its neighbours out of their chunk, and compresses this chunk alone. What comes out depends on the texts only, not on
//! what was known before: a rendering from nothing gives the same bytes.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use machinery::hash::fnv64a;
use runtime::ObjectKey;

use super::selecting::Configuration;
use crate::workload::gzip::{Part, join};

/// About as many objects are in a chunk.
const PER_CHUNK: u64 = 128;

/// Kind and name of an object.
pub type Id = (Configuration, ObjectKey);

/// What the jobs of an object follow from, beside the workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The object, whatever its name.
    pub uid: Box<str>,
    /// Counts changes of its spec.
    pub generation: i64,
    /// Versions of what it refers to; 0 for what isn't there.
    pub references: Box<[u64]>,
}

/// Jobs of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Made {
    /// The items of the list.
    pub text: String,
    /// How many.
    pub jobs: usize,
    /// TLS material that they name, by file name.
    pub tls_files: BTreeMap<String, String>,
}

/// What became of an object.
#[derive(Debug, Clone)]
struct Member {
    input: Input,
    outcome: Result<Place, Arc<str>>,
}

/// Where the text of an object is.
#[derive(Debug, Clone)]
struct Place {
    chunk: usize,
    range: Range<usize>,
    jobs: usize,
    tls_files: Arc<BTreeMap<String, String>>,
}

#[derive(Debug)]
struct Chunk {
    part: Part,
    /// Bytes of its text.
    len: usize,
    members: usize,
}

/// A rendering: what there was, and what became of it.
#[derive(Debug, Default)]
pub struct Rendered {
    members: BTreeMap<Id, Member>,
    chunks: Vec<Arc<Chunk>>,
    /// Objects that were rendered, not taken over.
    anew: usize,
}

impl Rendered {
    /// How many objects were rendered anew.
    pub fn rendered(&self) -> usize {
        self.anew
    }

    /// Whether the name is that of a job of an object.
    pub fn has_job(&self, name: &str) -> bool {
        let mut parts = name.split('/');
        let kind = match parts.next() {
            Some("serviceMonitor") => Configuration::ServiceMonitor,
            Some("podMonitor") => Configuration::PodMonitor,
            Some("probe") => Configuration::Probe,
            Some("scrapeConfig") => Configuration::ScrapeConfig,
            Some(_) | None => return false,
        };
        let (Some(namespace), Some(name)) = (parts.next(), parts.next()) else {
            return false;
        };
        let index = parts.next().map(str::parse::<usize>);
        let member = self.members.get(&(kind, ObjectKey::new(namespace, name)));
        let Some(Ok(place)) = member.map(|member| &member.outcome) else {
            return false;
        };
        match index {
            None => place.jobs > 0,
            Some(index) => index.is_ok_and(|index| index < place.jobs) && parts.next().is_none(),
        }
    }

    /// TLS material that jobs name, by file name.
    pub fn tls_files(&self) -> BTreeMap<String, String> {
        let places = self
            .members
            .values()
            .filter_map(|one| one.outcome.as_ref().ok());
        let files = places.flat_map(|place| place.tls_files.iter());
        files
            .map(|(name, content)| (name.clone(), content.clone()))
            .collect()
    }
}

/// The text of an object that goes into the open chunk.
struct Pending {
    id: Id,
    input: Input,
    jobs: usize,
    tls_files: Arc<BTreeMap<String, String>>,
    text: Text,
}

enum Text {
    Fresh(String),
    Known(usize, Range<usize>),
}

/// A rendering at work.
pub struct Rendering<'a> {
    previous: &'a Rendered,
    next: Rendered,
    open: Vec<Pending>,
    /// The chunk of the previous rendering that was looked into last, and its text.
    unpacked: Option<(usize, String)>,
    /// Parts in order: chunks by their numbers, and texts between.
    order: Vec<Piece>,
}

enum Piece {
    Chunk(usize),
    Text(Part),
}

impl<'a> Rendering<'a> {
    /// Begins, knowing what was rendered before.
    pub fn new(previous: &'a Rendered) -> Self {
        Self {
            previous,
            next: Rendered::default(),
            open: Vec::new(),
            unpacked: None,
            order: Vec::new(),
        }
    }

    /// The jobs of the next object, made if they aren't known, or why it is left out.
    pub fn object(
        &mut self,
        id: Id,
        input: Input,
        make: impl FnOnce() -> Result<Made, String>,
    ) -> Result<(), String> {
        let known = self.previous.members.get(&id);
        let known = known.filter(|known| known.input == input);
        let outcome = match known.map(|known| &known.outcome) {
            Some(Ok(place)) => Ok((
                place.jobs,
                Arc::clone(&place.tls_files),
                Text::Known(place.chunk, place.range.clone()),
            )),
            Some(Err(why)) => Err(Arc::clone(why)),
            None => {
                self.next.anew += 1;
                match make() {
                    Ok(Made {
                        text,
                        jobs,
                        tls_files,
                    }) => Ok((jobs, Arc::new(tls_files), Text::Fresh(text))),
                    Err(why) => Err(Arc::from(why)),
                }
            }
        };
        match outcome {
            Ok((jobs, tls_files, text)) => {
                if begins_chunk(&id) {
                    self.close().map_err(|error| error.to_string())?;
                }
                self.open.push(Pending {
                    id,
                    input,
                    jobs,
                    tls_files,
                    text,
                });
                Ok(())
            }
            Err(why) => {
                let text = why.to_string();
                let outcome = Err(why);
                self.next.members.insert(id, Member { input, outcome });
                Err(text)
            }
        }
    }

    /// A text that stands between the jobs of objects.
    pub fn text(&mut self, text: &str) -> std::io::Result<()> {
        self.close()?;
        if !text.is_empty() {
            self.order.push(Piece::Text(Part::new(text)?));
        }
        Ok(())
    }

    /// What became of the objects so far.
    pub fn so_far(&mut self) -> std::io::Result<&Rendered> {
        self.close()?;
        Ok(&self.next)
    }

    /// Whether any object has jobs.
    pub fn any_job(&mut self) -> std::io::Result<bool> {
        let mut members = self.so_far()?.members.values();
        Ok(members.any(|one| one.outcome.as_ref().is_ok_and(|place| place.jobs > 0)))
    }

    /// The whole, with a text before everything, as gzip, and what to know the next time.
    pub fn finish(mut self, before: &str) -> std::io::Result<(Vec<u8>, Rendered)> {
        self.close()?;
        let before = Part::new(before)?;
        let parts = self.order.iter().filter_map(|piece| match piece {
            Piece::Text(part) => Some(part),
            Piece::Chunk(number) => Some(&self.next.chunks.get(*number)?.part),
        });
        let bytes = join(std::iter::once(&before).chain(parts));
        Ok((bytes, self.next))
    }

    /// Ends the open chunk.
    fn close(&mut self) -> std::io::Result<()> {
        let open = std::mem::take(&mut self.open);
        if open.is_empty() {
            return Ok(());
        }
        let number = self.next.chunks.len();
        let (chunk, ranges) = match self.same(&open) {
            Some(same) => same,
            None => self.compress(&open)?,
        };
        for (pending, range) in open.into_iter().zip(ranges) {
            let Pending {
                id,
                input,
                jobs,
                tls_files,
                text: _,
            } = pending;
            let outcome = Ok(Place {
                chunk: number,
                range,
                jobs,
                tls_files,
            });
            self.next.members.insert(id, Member { input, outcome });
        }
        self.next.chunks.push(chunk);
        self.order.push(Piece::Chunk(number));
        Ok(())
    }

    /// The chunk that held exactly these before, and where.
    fn same(&self, open: &[Pending]) -> Option<(Arc<Chunk>, Vec<Range<usize>>)> {
        let mut ranges = Vec::with_capacity(open.len());
        let mut from: Option<usize> = None;
        let mut end = 0;
        for pending in open {
            let Text::Known(chunk, range) = &pending.text else {
                return None;
            };
            if *from.get_or_insert(*chunk) != *chunk || range.start != end {
                return None;
            }
            end = range.end;
            ranges.push(range.clone());
        }
        let chunk = self.previous.chunks.get(from?)?;
        let whole = chunk.members == open.len() && chunk.len == end;
        whole.then(|| (Arc::clone(chunk), ranges))
    }

    fn compress(&mut self, open: &[Pending]) -> std::io::Result<(Arc<Chunk>, Vec<Range<usize>>)> {
        let mut text = String::new();
        let mut ranges = Vec::with_capacity(open.len());
        for pending in open {
            let start = text.len();
            match &pending.text {
                Text::Fresh(fresh) => text.push_str(fresh),
                Text::Known(chunk, range) => {
                    let known = self.unpack(*chunk)?;
                    text.push_str(known.get(range.clone()).unwrap_or_default());
                }
            }
            ranges.push(start..text.len());
        }
        let chunk = Chunk {
            part: Part::new(&text)?,
            len: text.len(),
            members: open.len(),
        };
        Ok((Arc::new(chunk), ranges))
    }

    fn unpack(&mut self, number: usize) -> std::io::Result<&str> {
        if self.unpacked.as_ref().is_none_or(|(one, _)| *one != number) {
            let chunk = self.previous.chunks.get(number);
            let text = chunk.map_or(Ok(String::new()), |chunk| chunk.part.text())?;
            self.unpacked = Some((number, text));
        }
        Ok(self.unpacked.as_ref().map_or("", |(_, text)| text))
    }
}

/// Whether an object is the first of a chunk: FNV-1a of its kind and name.
fn begins_chunk((kind, key): &Id) -> bool {
    let bytes = [*kind as u8, b'/'];
    let bytes = bytes.iter().chain(key.namespace.as_bytes()).chain(b"/");
    let hash = fnv64a(bytes.chain(key.name.as_bytes()));
    // The upper bits are mixed best.
    (hash >> 32).is_multiple_of(PER_CHUNK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use machinery::entropy::Entropy;

    /// Objects by number: their generations, and whether they are refused.
    type Objects = BTreeMap<usize, (i64, bool)>;

    fn render(previous: &Rendered, objects: &Objects) -> (Vec<u8>, Rendered) {
        let mut rendering = Rendering::new(previous);
        for (number, (generation, refused)) in objects {
            let id = (
                Configuration::ServiceMonitor,
                ObjectKey::new("n", format!("m{number}")),
            );
            let input = Input {
                uid: format!("u{number}").into(),
                generation: *generation,
                references: Box::default(),
            };
            let made = rendering.object(id, input, || {
                if *refused {
                    return Err("no".to_owned());
                }
                Ok(Made {
                    text: format!("- job_name: m{number}\n  generation: {generation}\n"),
                    jobs: 1,
                    ..Made::default()
                })
            });
            assert_eq!(made.is_err(), *refused);
        }
        rendering.text("tail: {}\n").unwrap();
        rendering.finish("scrape_configs:\n").unwrap()
    }

    fn text(bytes: &[u8]) -> String {
        use std::io::Read as _;
        let mut text = String::new();
        flate2::read::GzDecoder::new(bytes)
            .read_to_string(&mut text)
            .unwrap();
        text
    }

    #[test]
    fn whatever_changes_the_bytes_are_those_of_a_rendering_from_nothing() {
        let mut chance = Entropy::seeded(7);
        let mut objects: Objects = (0..600).map(|number| (number, (1, false))).collect();
        let mut known = Rendered::default();
        for _ in 0..120 {
            let (bytes, next) = render(&known, &objects);
            let (whole, _) = render(&Rendered::default(), &objects);
            assert!(bytes == whole, "the bytes differ");
            known = next;
            for _ in 0..chance.below(4) {
                let number = usize::try_from(chance.below(700)).unwrap();
                match chance.below(4) {
                    0 => {
                        objects.remove(&number);
                    }
                    1 => {
                        objects.insert(number, (1, false));
                    }
                    2 => {
                        let one = objects.entry(number).or_insert((1, false));
                        *one = (one.0 + 1, !one.1);
                    }
                    _ => objects.entry(number).or_insert((1, false)).0 += 1,
                }
            }
        }
        let (bytes, _) = render(&known, &objects);
        let mut wanted = "scrape_configs:\n".to_owned();
        for (number, (generation, refused)) in &objects {
            if !refused {
                wanted = format!("{wanted}- job_name: m{number}\n  generation: {generation}\n");
            }
        }
        wanted.push_str("tail: {}\n");
        assert_eq!(text(&bytes), wanted);
    }

    #[test]
    fn one_changed_object_of_many_is_rendered_alone() {
        let mut objects: Objects = (0..20_000).map(|number| (number, (1, false))).collect();
        let (_, first) = render(&Rendered::default(), &objects);
        assert_eq!(first.rendered(), 20_000);
        let (before, same) = render(&first, &objects);
        assert_eq!(same.rendered(), 0);
        objects.insert(77, (2, false));
        let (after, next) = render(&same, &objects);
        assert_eq!(next.rendered(), 1);
        assert_ne!(before, after);
        // All other chunks are the same ones.
        let shared = |one: &Arc<Chunk>| same.chunks.iter().any(|other| Arc::ptr_eq(one, other));
        let new = next.chunks.iter().filter(|one| !shared(one)).count();
        assert_eq!(new, 1, "of {}", next.chunks.len());
        // What is no longer there is forgotten.
        let (_, last) = render(&next, &Objects::from([(1, (1, false))]));
        assert_eq!((last.members.len(), last.chunks.len()), (1, 1));
    }

    #[test]
    fn names_of_jobs_are_known_by_their_objects() {
        let (_, known) = render(
            &Rendered::default(),
            &Objects::from([(1, (1, false)), (2, (1, true))]),
        );
        assert!(known.has_job("serviceMonitor/n/m1/0"));
        for other in [
            "serviceMonitor/n/m1/1",
            "serviceMonitor/n/m2/0",
            "podMonitor/n/m1/0",
            "serviceMonitor/n/m1/0/0",
            "extra",
        ] {
            assert!(!known.has_job(other), "{other}");
        }
    }
}
