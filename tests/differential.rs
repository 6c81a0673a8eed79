//! Kubedro against the plugin that it replaces: each configuration of
//! `integration/oracle/variations` is compiled by two releases of kedro-kubeflow
//! and by `kubedro compile --target kfp`, and the workflows are compared fact by
//! fact. `docs/differences.md` has every difference that is meant.

mod facts;
mod rules;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use self::facts::{Facts, Maker, Place, STEP, facts};
use crate::support::{Kedro, MIDDLE, OLD, Project, repository, stderr};

/// A release of kedro-kubeflow, and the Kedro that it is used with.
struct Oracle {
    version: &'static str,
    kedro: Kedro,
}

const ORACLES: [Oracle; 2] =
    [Oracle { version: "0.7.4", kedro: OLD }, Oracle { version: "0.11.0", kedro: MIDDLE }];

/// What the compiling machine has; `KEDRO_CONFIG_COMMIT_ID` it has not.
const ENVIRONMENT: [(&str, &str); 2] =
    [("KEDRO_CONFIG_BRANCH_NAME", "feature"), ("KEDRO_CONFIG_TTL", "120")];

/// A fact in which the two differ; `None` where one does not have it.
#[derive(Debug)]
pub struct Difference {
    pub version: &'static str,
    pub variation: String,
    pub place: Place,
    pub old: Option<String>,
    pub new: Option<String>,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Place { step, field } = &self.place;
        let shown = |value: &Option<String>| value.as_deref().unwrap_or("(nothing)").to_owned();
        write!(
            formatter,
            "{} {}: {step}: {field}\n    kedro-kubeflow  {}\n    kubedro         {}",
            self.version,
            self.variation,
            shown(&self.old),
            shown(&self.new)
        )
    }
}

impl Oracle {
    fn python(&self) -> PathBuf {
        let name = format!(".venvs/kedro-kubeflow-{}", self.version);
        let home = repository().join(name);
        assert!(
            home.join(".complete").is_file(),
            "{} is missing: run scripts/test",
            home.display()
        );
        home.join("bin/python")
    }

    fn python_program(&self, program: &str, arguments: &[&Path]) {
        let mut command = Command::new(self.python());
        command.arg(repository().join("integration/oracle").join(program)).args(arguments);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("KEDRO_")) {
            command.env_remove(name);
        }
        let output = command.envs(ENVIRONMENT).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
    }

    /// The example project as this release needs it.
    fn project(&self) -> Project {
        let project = Project::spaceflights(self.kedro);
        let settings =
            repository().join(format!("integration/oracle/settings-{}.py", self.version));
        project.write("src/spaceflights/settings.py", &std::fs::read_to_string(settings).unwrap());
        project
    }

    /// Those for all releases, and those for this one.
    fn variations(&self) -> Vec<PathBuf> {
        let all = variations_folder();
        let mut found = Vec::new();
        for folder in [all.join(self.version), all] {
            let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            found.extend(files.filter(|path| path.extension().is_some_and(|it| it == "yaml")));
        }
        found.sort();
        found
    }

    /// What kedro-kubeflow makes of each variation, in a folder.
    fn compile(&self, folder: &Path) {
        let project = self.project();
        self.python_program("compile.py", &[&project.path(), &variations_folder(), folder]);
        self.python_program("as_trees.py", &[folder]);
    }

    /// What `kubedro compile` makes of them, in a folder.
    fn compile_with_kubedro(&self, variations: &[PathBuf], folder: &Path) {
        let project = self.project();
        for variation in variations {
            let text = std::fs::read_to_string(variation).unwrap();
            project.write("conf/base/kubeflow.yaml", &text);
            let output = project
                .kubedro(&["compile", "--target", "kfp", "--output", "-"])
                .envs(ENVIRONMENT)
                .output()
                .unwrap();
            let (kind, contents) = if output.status.success() {
                ("yml", &output.stdout)
            } else {
                ("error", &output.stderr)
            };
            std::fs::write(folder.join(stem(variation)).with_extension(kind), contents).unwrap();
        }
    }

    fn differences(&self, old: &Path, new: &Path) -> Vec<Difference> {
        let mut all = Vec::new();
        for variation in self.variations() {
            let variation = stem(&variation);
            let old = result(old, variation, Maker::KedroKubeflow);
            let new = result(new, variation, Maker::Kubedro);
            for (place, old, new) in compared(&old, &new) {
                let (version, variation) = (self.version, variation.to_owned());
                all.push(Difference { version, variation, place, old, new });
            }
        }
        all
    }

    /// The keys that this release knows, and all of its variations.
    fn keys(&self, old: &Path) -> Keys {
        let known = std::fs::read_to_string(old.join("_keys.json")).unwrap();
        let texts = self.variations().into_iter().map(|it| std::fs::read_to_string(it).unwrap());
        Keys { known: serde_json::from_str(&known).unwrap(), used: texts.collect() }
    }
}

fn variations_folder() -> PathBuf {
    repository().join("integration/oracle/variations")
}

fn stem(variation: &Path) -> &str {
    variation.file_stem().unwrap().to_str().unwrap()
}

/// The keys that a release knows, and all variations of it.
struct Keys {
    known: Vec<String>,
    used: String,
}

/// A workflow's facts, or the one that it is refused.
fn result(folder: &Path, variation: &str, maker: Maker) -> Facts {
    let tree = folder.join(format!("{variation}.tree"));
    if let Ok(tree) = std::fs::read_to_string(tree) {
        let tree: Value = serde_json::from_str(&tree).unwrap();
        return facts(&tree, maker);
    }
    let error = std::fs::read_to_string(folder.join(format!("{variation}.error"))).unwrap();
    let place = Place { step: String::new(), field: REFUSED.to_owned() };
    [(place, error)].into()
}

const REFUSED: &str = "refused";

fn compared(old: &Facts, new: &Facts) -> Vec<(Place, Option<String>, Option<String>)> {
    let refused = |facts: &Facts| facts.keys().any(|place| place.field == REFUSED);
    let one_is_refused = refused(old) != refused(new);
    let steps = |facts: &Facts| -> BTreeSet<String> {
        facts.keys().map(|place| place.step.clone()).collect()
    };
    let (old_steps, new_steps) = (steps(old), steps(new));
    let places: BTreeSet<&Place> = old.keys().chain(new.keys()).collect();
    places
        .into_iter()
        // Of a workflow or a step that only one has, that is all there is to say.
        .filter(|place| !one_is_refused || place.field == REFUSED)
        .filter(|place| {
            let both = old_steps.contains(&place.step) && new_steps.contains(&place.step);
            both || one_is_refused || place.field == STEP
        })
        .filter(|place| old.get(place) != new.get(place))
        .map(|place| (place.clone(), old.get(place).cloned(), new.get(place).cloned()))
        .collect()
}

/// All differences, found once for all tests.
fn all() -> &'static (Vec<Difference>, Vec<Keys>) {
    static ALL: OnceLock<(Vec<Difference>, Vec<Keys>)> = OnceLock::new();
    ALL.get_or_init(|| {
        let scratch = tempfile::tempdir().unwrap();
        let of_oracle = |oracle: &Oracle| scratch.path().join(oracle.version);
        let of_kubedro = scratch.path().join("kubedro");
        std::fs::create_dir(&of_kubedro).unwrap();
        // Kubedro reads the file itself: what it makes is the same under each Kedro.
        let variations: BTreeSet<PathBuf> = ORACLES.iter().flat_map(Oracle::variations).collect();
        let variations: Vec<PathBuf> = variations.into_iter().collect();
        std::thread::scope(|scope| {
            for oracle in &ORACLES {
                scope.spawn(move || oracle.compile(&of_oracle(oracle)));
            }
            for part in variations.chunks(variations.len().div_ceil(2)) {
                scope.spawn(|| ORACLES[1].compile_with_kubedro(part, &of_kubedro));
            }
        });
        ORACLES[1].python_program("as_trees.py", &[&of_kubedro]);
        let differences = ORACLES.iter().flat_map(|it| it.differences(&of_oracle(it), &of_kubedro));
        (differences.collect(), ORACLES.iter().map(|it| it.keys(&of_oracle(it))).collect())
    })
}

#[test]
fn every_difference_from_kedro_kubeflow_is_meant() {
    let mut unknown = Vec::new();
    for difference in &all().0 {
        match &rules::covering(difference)[..] {
            [] => unknown.push(difference.to_string()),
            [_] => {}
            rows => panic!("two rows have the same difference: {rows:?}: {difference}"),
        }
    }
    assert!(
        unknown.is_empty(),
        "{} differences that docs/differences.md does not have:\n{}",
        unknown.len(),
        unknown.join("\n")
    );
}

#[test]
fn every_difference_that_is_documented_is_shown() {
    let shown: BTreeSet<&str> =
        all().0.iter().flat_map(|difference| rules::covering(difference)).collect();
    let gone: Vec<&str> = documented().into_iter().filter(|id| !shown.contains(id)).collect();
    assert!(gone.is_empty(), "no variation shows these any more: {gone:?}");
}

#[test]
fn the_documented_differences_are_those_that_are_tested() {
    let documented = documented();
    let unique: BTreeSet<&str> = documented.iter().copied().collect();
    assert_eq!(unique.len(), documented.len(), "an id stands there twice");
    let tested: BTreeSet<&str> = rules::ids().collect();
    assert_eq!(unique, tested);
}

/// The ids in the first column of the table.
fn documented() -> Vec<&'static str> {
    include_str!("../docs/differences.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .map(|line| line.split_once('`').unwrap().0)
        .collect()
}

#[test]
fn the_variations_have_every_key_of_kedro_kubeflow() {
    for keys in &all().1 {
        for key in &keys.known {
            let key = key.rsplit('.').next().unwrap();
            assert!(keys.used.contains(&format!(" {key}:")), "no variation has `{key}`");
        }
        assert!(keys.known.len() > 20);
    }
}

#[test]
fn what_the_plugins_init_writes_compiles() {
    for oracle in &ORACLES {
        let project = oracle.project();
        std::fs::remove_file(project.path().join("conf/base/kubeflow.yaml")).unwrap();
        let output = Command::new(oracle.python())
            .args(["-m", "kedro", "kubeflow", "init", "https://kubeflow.example.com/pipelines"])
            .current_dir(project.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(project.read("conf/base/kubeflow.yaml").contains("run_config:"));
        compiles_for_both_targets(&project);
    }
}

#[test]
fn what_the_plugins_manual_prints_compiles() {
    for oracle in &ORACLES {
        let project = oracle.project();
        let sample = include_str!("fixtures/kubeflow-manual-0.7.4.yaml");
        project.write("conf/base/kubeflow.yaml", sample);
        compiles_for_both_targets(&project);
    }
}

fn compiles_for_both_targets(project: &Project) {
    for target in ["argo", "kfp"] {
        let arguments = ["compile", "-o", "-", "--target", target];
        let output = project.kubedro(&arguments).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(!output.stdout.is_empty());
    }
}
