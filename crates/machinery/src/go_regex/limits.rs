//! How deep an expression is nested and how large it becomes (`checkHeight` and `checkSize` of Go's `regexp/syntax`).

use super::refused;

/// The height of the tallest tree.
const TALLEST: u64 = 1000;
/// Instructions of the largest program: 128 MiB at 40 bytes each.
const LARGEST: u64 = (128 << 20) / 40;

/// Nodes that become one with their like around them or beside them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Node {
    Literal,
    Sequence,
    Choice,
    Other,
}

/// What stands for one node of Go's tree.
#[derive(Clone, Copy)]
pub(super) struct Part {
    /// How often it is repeated within itself at most.
    pub(super) times: u64,
    height: u64,
    size: u64,
    node: Node,
}

impl Part {
    /// A class, an anchor or the like.
    pub(super) const SIGN: Self = Self {
        times: 1,
        height: 1,
        size: 1,
        node: Node::Other,
    };
    /// A character that stands for itself.
    pub(super) const LITERAL: Self = Self {
        node: Node::Literal,
        ..Self::SIGN
    };

    /// What it adds to the height of such a node around it.
    fn height_in(self, node: Node) -> u64 {
        self.height - u64::from(self.node == node)
    }

    /// It is repeated: so often if that is said, as a `*` says it, or as `+` and `?` do.
    pub(super) fn repeat(&mut self, star: bool, counted: Option<(i64, Option<i64>)>) {
        self.node = Node::Other;
        self.height += 1;
        let number = |count: i64| u64::try_from(count).unwrap_or_default();
        let Some((least, most)) = counted else {
            self.size += if star { 2 } else { 1 };
            return;
        };
        let (least, most) = (number(least), most.map(number));
        let times = most.unwrap_or(least);
        self.times = match times {
            0 => 1,
            times => self.times.saturating_mul(times),
        };
        let copies = times.saturating_mul(self.size);
        self.size = match (least, most) {
            (0, None) => self.size + 2,
            (_, None) => copies.saturating_add(1),
            (least, Some(most)) => copies.saturating_add(most.saturating_sub(least)).max(1),
        };
    }

    /// Whether Go takes it, as a part of such an expression.
    pub(super) fn check(self, whole: &str) -> Result<(), String> {
        if self.size > LARGEST {
            return Err(refused("expression too large", whole));
        }
        if self.height > TALLEST {
            return Err(refused("expression nests too deeply", whole));
        }
        Ok(())
    }
}

/// What stands between two brackets, as far as it was read.
#[derive(Default)]
pub(super) struct Level {
    /// The brackets are a group with a number.
    captures: bool,
    times: u64,
    size: u64,
    bars: u64,
    /// The tallest of the branches that are complete.
    tallest_branch: u64,
    /// Nodes of the branch, and the tallest of them.
    nodes: u64,
    tallest: u64,
    last: Option<Part>,
}

impl Level {
    /// Nothing between brackets, which may be a group with a number.
    pub(super) fn new(captures: bool) -> Self {
        Self {
            captures,
            ..Self::default()
        }
    }

    /// A part that nothing repeats.
    pub(super) fn add(&mut self, part: Part) {
        self.times = self.times.max(part.times);
        self.size = self.size.saturating_add(part.size);
        self.tallest = self.tallest.max(part.height_in(Node::Sequence));
        let literal = |part: &Part| part.node == Node::Literal;
        self.nodes += u64::from(!(literal(&part) && self.last.as_ref().is_some_and(literal)));
        self.last = Some(part);
    }

    /// A `|`.
    pub(super) fn bar(&mut self) {
        let branch = self.branch();
        self.tallest_branch = self.tallest_branch.max(branch.height_in(Node::Choice));
        self.bars += 1;
        self.size = self.size.saturating_add(1);
    }

    /// The branch that ends here.
    fn branch(&mut self) -> Part {
        let last = self.last.take().unwrap_or(Part::SIGN);
        let part = match self.nodes {
            0 | 1 => last,
            _ => Part {
                height: self.tallest + 1,
                node: Node::Sequence,
                ..last
            },
        };
        (self.nodes, self.tallest) = (0, 0);
        part
    }

    /// All of it, with its brackets.
    pub(super) fn part(mut self) -> Part {
        let branch = self.branch();
        let mut part = Part {
            times: self.times.max(1),
            size: self.size.max(1),
            ..branch
        };
        if self.bars > 0 {
            let height = branch.height_in(Node::Choice).max(self.tallest_branch) + 1;
            (part.height, part.node) = (height, Node::Choice);
        }
        if self.captures {
            part.height += 1;
            part.size = part.size.saturating_add(2);
            part.node = Node::Other;
        }
        part
    }
}
