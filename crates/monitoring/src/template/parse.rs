//! What Go's parser of templates takes (`text/template/parse/parse.go`). No tree is made, and nothing calls itself: brackets and
//! blocks are lists.

mod pipeline;

use std::collections::{BTreeMap, VecDeque};

use super::lex::{Item, Kind, Lexer};
use super::literal::unquoted;
use super::{Of, Young};

/// Whether a text can be parsed.
pub(super) fn check(text: &str, of: Of) -> Result<(), String> {
    let mut parser = Parser {
        lexer: Lexer::new(text),
        ahead: VecDeque::new(),
        of,
        blocks: Vec::new(),
        trees: vec![Tree::new(of.variables())],
        definitions: BTreeMap::new(),
    };
    loop {
        let item = parser.next_item()?;
        match item.kind {
            Kind::End if parser.blocks.is_empty() => return Ok(()),
            Kind::End => return Err("unexpected EOF".to_owned()),
            Kind::Plain if item.text.trim().is_empty() => {}
            Kind::Plain => parser.fill(),
            Kind::Open => parser.action()?,
            _ => return Err(unexpected(item, "input")),
        }
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// Items that were looked at already.
    ahead: VecDeque<Item<'a>>,
    of: Of,
    blocks: Vec<Block>,
    /// The template and the definitions that are open in it.
    trees: Vec<Tree>,
    /// Definitions by name, and whether there is something in them.
    definitions: BTreeMap<String, bool>,
}

/// A template of its own.
struct Tree {
    variables: Vec<String>,
    /// Open `range`s, as far as `break` may end them.
    loops: usize,
    /// There is more than spaces in it.
    filled: bool,
}

impl Tree {
    fn new(variables: Vec<String>) -> Self {
        Self {
            variables,
            loops: 0,
            filled: false,
        }
    }
}

/// What `end` closes.
enum Block {
    /// `if`, `with` or `range`.
    Control(Control),
    /// `define` or `block`, and the name.
    Tree(&'static str, String),
}

struct Control {
    keyword: &'static str,
    /// Variables before it.
    variables: usize,
    has_else: bool,
    /// It stands in the `else` of the block before it, and ends with that.
    chained: bool,
}

impl<'a> Parser<'a> {
    fn next_item(&mut self) -> Result<Item<'a>, String> {
        match self.ahead.pop_front() {
            Some(item) => Ok(item),
            None => self.lexer.next(),
        }
    }

    fn peek(&mut self) -> Result<Item<'a>, String> {
        self.peek_at(0)
    }

    fn peek_at(&mut self, place: usize) -> Result<Item<'a>, String> {
        while self.ahead.len() <= place {
            let item = self.lexer.next()?;
            self.ahead.push_back(item);
        }
        let found = self.ahead.get(place).copied();
        found.ok_or_else(|| "unexpected EOF".to_owned())
    }

    fn skip_space(&mut self) -> Result<(), String> {
        while self.peek()?.kind == Kind::Space {
            self.next_item()?;
        }
        Ok(())
    }

    fn next_word(&mut self) -> Result<Item<'a>, String> {
        self.skip_space()?;
        self.next_item()
    }

    fn close(&mut self, place: &str) -> Result<(), String> {
        match self.next_word()? {
            item if item.kind == Kind::Close => Ok(()),
            item => Err(unexpected(item, place)),
        }
    }

    fn tree(&mut self) -> Result<&mut Tree, String> {
        let tree = self.trees.last_mut();
        tree.ok_or_else(|| "unexpected {{end}}".to_owned())
    }

    fn fill(&mut self) {
        if let Some(tree) = self.trees.last_mut() {
            tree.filled = true;
        }
    }

    /// What follows `{{`.
    fn action(&mut self) -> Result<(), String> {
        self.skip_space()?;
        let first = self.peek()?;
        let keyword = match first.kind {
            Kind::Keyword => first.text,
            _ => "",
        };
        if keyword == "end" || keyword == "else" {
            self.next_item()?;
            return if keyword == "end" {
                self.end()
            } else {
                self.or_else()
            };
        }
        if keyword == "define" && self.blocks.is_empty() {
            self.next_item()?;
            let name = self.name("define clause")?;
            self.close("define clause")?;
            self.open_tree("define clause", name);
            return Ok(());
        }
        self.fill();
        match keyword {
            "if" => self.control("if", false),
            "with" => self.control("with", false),
            "range" => self.control("range", false),
            "break" | "continue" => self.leave(first),
            "template" => {
                self.next_item()?;
                self.name("template clause")?;
                self.skip_space()?;
                if self.peek()?.kind == Kind::Close {
                    return self.close("template clause");
                }
                self.pipeline("template clause")
            }
            "block" => {
                self.next_item()?;
                let name = self.name("block clause")?;
                self.pipeline("block clause")?;
                self.open_tree("block clause", name);
                Ok(())
            }
            _ => self.pipeline("command"),
        }
    }

    fn name(&mut self, place: &str) -> Result<String, String> {
        match self.next_word()? {
            item @ Item {
                kind: Kind::Quoted | Kind::Raw,
                ..
            } => unquoted(item),
            item => Err(unexpected(item, place)),
        }
    }

    fn open_tree(&mut self, place: &'static str, name: String) {
        self.blocks.push(Block::Tree(place, name));
        self.trees.push(Tree::new(vec!["$".to_owned()]));
    }

    fn leave(&mut self, keyword: Item<'a>) -> Result<(), String> {
        let shown = format!("{{{{{}}}}}", keyword.text);
        self.of.knows_syntax(&shown, Young::Break)?;
        self.next_item()?;
        self.close(&shown)?;
        if self.tree()?.loops == 0 {
            return Err(format!("{shown} outside {{{{range}}}}"));
        }
        Ok(())
    }

    /// `if`, `with` or `range`.
    fn control(&mut self, keyword: &'static str, chained: bool) -> Result<(), String> {
        self.next_item()?;
        let variables = self.tree()?.variables.len();
        self.pipeline(keyword)?;
        self.tree()?.loops += usize::from(keyword == "range");
        self.blocks.push(Block::Control(Control {
            keyword,
            variables,
            has_else: false,
            chained,
        }));
        Ok(())
    }

    fn or_else(&mut self) -> Result<(), String> {
        let shown = "{{else}}";
        let control = match self.blocks.last_mut() {
            None => return Err(format!("unexpected {shown}")),
            Some(Block::Tree(place, _)) => return Err(format!("unexpected {shown} in {place}")),
            Some(Block::Control(control)) if control.has_else => {
                return Err(format!("expected end; found {shown}"));
            }
            Some(Block::Control(control)) => control,
        };
        control.has_else = true;
        let keyword = control.keyword;
        if keyword == "range" {
            self.tree()?.loops -= 1;
        }
        self.skip_space()?;
        let next = self.peek()?;
        if next.kind != Kind::Keyword {
            return self.close("else");
        }
        match (keyword, next.text) {
            ("if", "if") => self.control("if", true),
            ("with", "with") => {
                self.of.knows_syntax("{{else with}}", Young::ElseWith)?;
                self.control("with", true)
            }
            (_, "if" | "with") => Err(unexpected(next, "input")),
            _ => Err(unexpected(next, "else")),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        self.close("end")?;
        loop {
            match self.blocks.pop() {
                None => return Err("unexpected {{end}}".to_owned()),
                Some(Block::Tree(_, name)) => return self.end_tree(name),
                Some(Block::Control(control)) => {
                    let tree = self.tree()?;
                    tree.variables.truncate(control.variables);
                    if control.keyword == "range" && !control.has_else {
                        tree.loops -= 1;
                    }
                    if !control.chained {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn end_tree(&mut self, name: String) -> Result<(), String> {
        let filled = self.trees.pop().is_some_and(|tree| tree.filled);
        let told = format!("multiple definition of template {name:?}");
        let before = self.definitions.entry(name).or_default();
        if *before && filled {
            return Err(told);
        }
        *before |= filled;
        Ok(())
    }
}

fn unexpected(item: Item<'_>, place: &str) -> String {
    let shown = match item.kind {
        Kind::End => "EOF".to_owned(),
        Kind::Keyword | Kind::Dot | Kind::Nil => format!("<{}>", item.text),
        _ => match item.text.char_indices().nth(10) {
            Some((end, _)) => format!("{:?}...", item.text.get(..end).unwrap_or_default()),
            None => format!("{:?}", item.text),
        },
    };
    format!("unexpected {shown} in {place}")
}
