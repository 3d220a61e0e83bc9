//! A small model of a source tree, as far as rules ask, and the one of this workspace.

use std::{collections::BTreeMap, fs, path::Path};

use cargo_metadata::MetadataCommand;

use crate::words::{Token, paths, tokens};

/// A source tree: the members of the workspace, and every text file that a rule asks about, by its path from the root.
#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) members: Vec<Member>,
    pub(crate) texts: BTreeMap<String, String>,
    pub(crate) sources: BTreeMap<String, Source>,
}

/// A package of the workspace.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// From the root, without a slash at the end.
    pub(crate) folder: String,
    /// Names of packages, of every kind of dependency.
    pub(crate) dependencies: Vec<String>,
    pub(crate) crate_types: Vec<String>,
}

impl Member {
    pub(crate) fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }
}

impl Tree {
    pub(crate) fn add(&mut self, path: &str, text: String) {
        if Path::new(path).extension().is_some_and(|end| end == "rs") {
            self.sources.insert(path.to_owned(), Source::read(path, &text));
        }
        self.texts.insert(path.to_owned(), text);
    }

    pub(crate) fn connectors(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.folder.starts_with("connectors/"))
    }

    pub(crate) fn sources_under(&self, folder: &str) -> impl Iterator<Item = (&String, &Source)> {
        self.sources.iter().filter(move |(path, _)| path.starts_with(folder))
    }

    /// Where the sources under a folder name one of these items, or something below one.
    pub(crate) fn naming(&self, folder: &str, items: &[&str]) -> Vec<String> {
        self.sources_under(folder).flat_map(|(path, source)| source.naming(path, items)).collect()
    }
}

/// A source file, as far as rules ask.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// With the line of each.
    pub(crate) tokens: Vec<(usize, Token)>,
    /// Every name of more than one part, and every name that is imported: `crate::…` for our own, else the crate first.
    pub(crate) paths: Vec<(usize, Vec<String>)>,
}

impl Source {
    pub(crate) fn read(path: &str, text: &str) -> Source {
        let tokens = tokens(text);
        let paths = paths(&module_of(path), &tokens);
        Source { tokens, paths }
    }

    /// `path:line: names …` for each name that is one of these items or below one.
    pub(crate) fn naming(&self, path: &str, items: &[&str]) -> Vec<String> {
        let mut found = Vec::new();
        for (line, name) in &self.paths {
            let name = name.join("::");
            let is_below = |item: &&&str| match name.strip_suffix("*") {
                Some(all_of) => item.starts_with(all_of),
                None => {
                    name.strip_prefix(**item).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
                }
            };
            found.extend(items.iter().find(is_below).map(|item| format!("{path}:{line}: names {item}")));
        }
        found
    }

    /// The modules that this file declares.
    pub(crate) fn modules(&self) -> impl Iterator<Item = &str> {
        self.tokens.windows(2).filter_map(|pair| match pair {
            [(_, Token::Word(first)), (_, Token::Word(name))] if first == "mod" => Some(name.as_str()),
            _ => None,
        })
    }

    /// The texts among the arguments of each call of a function of this name, with the line of the call.
    pub(crate) fn calls_of(&self, function: &str) -> Vec<(usize, Vec<&str>)> {
        let mut calls = Vec::new();
        for (at, (line, token)) in self.tokens.iter().enumerate() {
            if !token.is_word(function) {
                continue;
            }
            let mut depth = 0_usize;
            let mut arguments = Vec::new();
            for (_, token) in &self.tokens[at + 1..] {
                match token {
                    Token::Mark('(') => depth += 1,
                    Token::Mark(')') if depth > 1 => depth -= 1,
                    Token::Text(text) if depth > 0 => arguments.push(text.as_str()),
                    _ if depth > 0 && *token != Token::Mark(')') => {}
                    _ => break,
                }
            }
            calls.push((*line, arguments));
        }
        calls
    }
}

/// `host/src/sync/run.rs` is `["crate", "sync", "run"]`.
fn module_of(path: &str) -> Vec<String> {
    let inside =
        path.split_once("src/").or_else(|| path.rsplit_once("tests/")).map_or(path, |(_, rest)| rest);
    let parts =
        inside.trim_end_matches(".rs").split('/').filter(|part| !["lib", "main", "mod"].contains(part));
    ["crate"].into_iter().chain(parts).map(str::to_owned).collect()
}

pub(crate) fn this_workspace() -> Tree {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are in a folder of the workspace");
    let mut command = MetadataCommand::new();
    command.manifest_path(root.join("Cargo.toml")).no_deps().other_options(["--offline".to_owned()]);
    let metadata = command.exec().expect("cargo describes the workspace");
    let mut tree = Tree::default();
    for package in metadata.workspace_packages() {
        let folder = package.manifest_path.parent().expect("a manifest is in a folder");
        let folder =
            folder.strip_prefix(root.to_str().expect("a path of text")).expect("members are below the root");
        tree.members.push(Member {
            name: package.name.to_string(),
            folder: folder.to_string(),
            dependencies: package.dependencies.iter().map(|dependency| dependency.name.clone()).collect(),
            crate_types: package
                .targets
                .iter()
                .filter(|target| !target.is_test() && !target.is_custom_build())
                .flat_map(|target| target.crate_types.iter().map(ToString::to_string))
                .collect(),
        });
    }
    for folder in ["connectors", "host", "plugin-api", "tests"] {
        read(&root.join(folder), folder, &mut tree);
    }
    tree
}

fn read(folder: &Path, name: &str, tree: &mut Tree) {
    for entry in fs::read_dir(folder).expect("a folder of the workspace can be read") {
        let entry = entry.expect("a folder of the workspace can be read");
        let file = entry.file_name().into_string().expect("names are text");
        let path = format!("{name}/{file}");
        if entry.path().is_dir() {
            if file != "target" && !file.starts_with('.') {
                read(&entry.path(), &path, tree);
            }
        } else if [".rs", ".toml", ".md"].iter().any(|end| file.ends_with(end)) {
            tree.add(&path, fs::read_to_string(entry.path()).expect("sources are text"));
        }
    }
}
