//! Parameters: from conf/ through the workflow to Kedro, types intact.

use crate::support::{Kedro, NEW, Project, for_each_kedro, stderr, stdout};

const SHOW: &str = "
def show(parameters):
    return repr(sorted(parameters.items(), key=repr))

def register_pipelines():
    return {'__default__': pipeline([node(show, 'parameters', 'out_shown', name='show')])}
";

const PARAMETERS: &str = r#"
number: 5
float: 0.1
tiny: 1.0e-05
huge: 1.0e+300
big: 12345678901234567890
truth: yes
nothing: null
text: "it's a \"text\", 100% {of} $HOME ${NOT} {{workflow.name}} $(X) $$ \u2028 é 🚀 \\ \x7f"
like_a_number: "0123"
like_a_truth: "no"
like_a_float: "1e-05"
empty: ""
list: [1, 1.5, "a b", [true, null]]
nested:
  a: {b: {c: {d: 1, e: two}}}
"#;

fn shown(project: &Project, arguments: &[&str]) -> String {
    let (output, work) = project.run_local(arguments);
    assert!(output.status.success(), "{}", stderr(&output));
    read_shown(project.kedro, &work.join("project"))
}

fn read_shown(kedro: Kedro, folder: &std::path::Path) -> String {
    kedro.unpickled(&folder.join("data/02/shown.pickle"))
}

for_each_kedro!(arrive_as_kedro_reads_them);

fn arrive_as_kedro_reads_them(kedro: Kedro) {
    let project = Project::tiny(kedro, SHOW);
    // OmegaConf would resolve `${NOT}` here, on any way to Kedro.
    project.write("conf/base/parameters.yml", &PARAMETERS.replace("${NOT} ", ""));
    let output = kedro.run(&project.path(), &["run"]);
    assert!(output.status.success(), "{}", stdout(&output));
    let expected = read_shown(kedro, &project.path());
    assert!(expected.contains("12345678901234567890") && expected.contains("1e-05"), "{expected}");
    assert_eq!(shown(&project, &[]), expected);

    // Every one of them is a parameter of the workflow, and no tag is in it.
    let workflow = project.compiled(&[]);
    assert_eq!(workflow.spec()["arguments"]["parameters"].as_array().unwrap().len(), 16);
    assert_eq!(workflow.parameter("tiny"), Some("1.0e-05"));
    assert_eq!(workflow.parameter("like_a_number"), Some("\"0123\""));
    assert!(!workflow.parameter("text").unwrap().contains("{{"));
}

for_each_kedro!(are_set_for_one_run);

fn are_set_for_one_run(kedro: Kedro) {
    let project = Project::tiny(kedro, SHOW);
    project.write(
        "conf/base/parameters.yml",
        "number: 1\nnested: {a: {b: 1, keep: [1]}, other: x}\ntext: old\nlist: [1]\ntruth: true\n",
    );
    let text = shown(
        &project,
        &[
            "--param",
            "number=0.5",
            "--param",
            "nested.a.b:[1, two, 3.0]",
            "--params",
            "text=a=b:c, d",
            "--param",
            "list=[x y, 'it''s']",
            "--param",
            "truth=no",
        ],
    );
    assert_eq!(
        text.trim(),
        "[('list', ['x y', \"it's\"]), ('nested', {'a': {'b': [1, 'two', 3.0], 'keep': [1]}, 'other': 'x'}), ('number', 0.5), ('text', 'a=b:c, d'), ('truth', False)]"
    );
}

for_each_kedro!(values_made_of_others_follow_them);

fn values_made_of_others_follow_them(kedro: Kedro) {
    let project = Project::tiny(kedro, SHOW);
    project.write(
        "conf/base/parameters.yml",
        "a: 1\nb: ${a}\nfolder: from_parameters\nliteral: \"\\\\${HOME}\"\nnested: {x: 1, y: '${nested.x}', z: [1]}\n",
    );
    let base = project.read("conf/base/catalog.yml");
    // What a run sets must not leak into what it has not set.
    project.write(
        "conf/base/catalog.yml",
        &base.replace("data/02/", "data/${runtime_params:folder, '02'}/"),
    );
    let output = kedro.run(&project.path(), &["run", "--params", "a=5"]);
    assert!(output.status.success(), "{}", stdout(&output));
    let expected = read_shown(kedro, &project.path());
    assert!(expected.contains("('b', 5)") && expected.contains("${HOME}"), "{expected}");
    assert_eq!(shown(&project, &["--param", "a=5"]), expected);
    let text = shown(&project, &["--param", "nested.x=7"]);
    assert!(text.contains("('nested', {'x': 7, 'y': 7, 'z': [1]})"), "{text}");
}

#[test]
fn a_long_parameter_is_no_trouble() {
    let project = Project::tiny(NEW, SHOW);
    let long = "x".repeat(200_000);
    project.write("conf/base/parameters.yml", &format!("long: {long}\n"));
    assert!(shown(&project, &[]).contains(&long));
}

#[test]
fn values_that_json_lacks_can_be_set() {
    let project = Project::tiny(NEW, SHOW);
    project.write("conf/base/parameters.yml", "a: 1\nb: 2\n");
    let text = shown(&project, &["--param", "a=.inf", "--param", "b={1: x}"]);
    assert_eq!(text.trim(), "[('a', inf), ('b', {1: 'x'})]");
}

#[test]
fn what_cannot_travel_comes_from_the_image_and_is_named() {
    let project = Project::tiny(NEW, SHOW);
    project.write(
        "conf/base/parameters.yml",
        "good: 1\nnot_a_number: .nan\nwith.dot: 1\nwith blank: 2\nkeys: {1: a}\njson: taken\nkubedro-run-id: taken\n",
    );
    let output = project.kubedro(&["compile", "-v", "-o", "-"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stderr(&output);
    for (name, reason) in [
        ("not_a_number", "nan is not a JSON number"),
        ("with.dot", "its name has more than"),
        ("with blank", "its name has more than"),
        ("keys", "its key 1 is not a string"),
        ("json", "its name has a meaning"),
        ("kubedro-run-id", "its name has a meaning"),
    ] {
        let said = format!("`{name}` is no parameter of the workflow: {reason}");
        assert!(text.contains(&said), "{name}: {text}");
    }
    let workflow = project.as_tree(&stdout(&output));
    assert_eq!(workflow.parameter("good"), Some("1"));
    for name in ["not_a_number", "with.dot", "with blank", "keys", "json"] {
        assert_eq!(workflow.parameter(name), None, "{name}");
    }
    // Kedro reads them all the same.
    let text = shown(&project, &[]);
    assert!(text.contains("('with.dot', 1)") && text.contains("('not_a_number', nan)"), "{text}");

    let output = project.kubedro(&["run-local", "--param", "with.dot=2"]).output().unwrap();
    assert_eq!(output.status.code(), Some(35));
    assert!(stderr(&output).contains("`with.dot` cannot be set"), "{}", stderr(&output));
}

#[test]
fn wrong_settings_are_explained() {
    let project = Project::tiny(NEW, SHOW);
    project.write(
        "conf/base/parameters.yml",
        "test_size: 0.2\nplain: 1\nnested: {learning_rate: 1}\n",
    );
    for (setting, code, said) in [
        ("tset_size=1", 35, "no parameter `tset_size`. Did you mean `test_size`?"),
        ("test_size=[1", 35, "the value of parameter `test_size` is not YAML"),
        ("plain.x=1", 35, "`plain` has no keys"),
        (
            "nested.lerning_rate=1",
            35,
            "`nested` has no key `lerning_rate`. Did you mean `learning_rate`?",
        ),
        ("plain=2021-01-01", 35, "is a date for YAML"),
        ("plain=2021-99-01", 35, "is not YAML: month must be"),
        ("test_size", 2, "there is no `=`"),
        ("=1", 2, "there is no name"),
    ] {
        let output = project.kubedro(&["run-local", "--param", setting]).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{setting}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{setting}: {}", stderr(&output));
    }
}
