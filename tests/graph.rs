//! `kubedro graph`: the plan as a list and as pictures.

use std::collections::BTreeSet;

use crate::support::{NEW, Project, stderr, stdout};

const SPACEFLIGHTS: &str = "\
Spaceflights: __default__
12 steps on 7 levels, and an exit handler
● has the volume (1Gi, ReadWriteMany, gone with the run), ○ does not

      step                                           waits for
1 ─ ● data-volume-init
2 ┬ ● preprocess-companies                           data-volume-init
  └ ● preprocess-shuttles                            data-volume-init
3 ─ ● create-model-input-table                       preprocess-companies, preprocess-shuttles
4 ┬ ● active-modelling-pipeline-split-data           create-model-input-table
  │     active_modelling_pipeline.split_data
  ├ ● candidate-modelling-pipeline-split-data        create-model-input-table
  │     candidate_modelling_pipeline.split_data
  └ ● summarise-prices                               create-model-input-table
5 ┬ ● active-modelling-pipeline-train-model          active-modelling-pipeline-split-data
  │     active_modelling_pipeline.train_model
  └ ● candidate-modelling-pipeline-train-model       candidate-modelling-pipeline-split-data
        candidate_modelling_pipeline.train_model
6 ┬ ● active-modelling-pipeline-evaluate-model       active-modelling-pipeline-split-data,
  │     active_modelling_pipeline.evaluate_model     active-modelling-pipeline-train-model
  └ ● candidate-modelling-pipeline-evaluate-model    candidate-modelling-pipeline-split-data,
        candidate_modelling_pipeline.evaluate_model  candidate-modelling-pipeline-train-model
7 ─ ● compare-models                                 active-modelling-pipeline-evaluate-model,
                                                     candidate-modelling-pipeline-evaluate-model
  ─ ○ on-exit                                        the end of all, whatever became of them
        pipeline notify
";

fn graph(project: &Project, arguments: &[&str]) -> String {
    let output = project.kubedro(&[&["graph"], arguments].concat()).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output)
}

type Edges = BTreeSet<(String, String)>;

/// `A --> B` as Mermaid has it, or Graphviz.
fn edges(text: &str, arrow: &str) -> Edges {
    text.lines()
        .filter_map(|line| line.trim().split_once(arrow))
        .map(|(from, to)| (name(from), name(to.split('[').next().unwrap())))
        .collect()
}

fn name(id: &str) -> String {
    id.trim().trim_matches('"').trim_start_matches("step_").replace('_', "-")
}

#[test]
fn has_the_workflows_steps_and_edges() {
    let project = Project::spaceflights(NEW);
    assert_eq!(graph(&project, &[]), SPACEFLIGHTS);

    let workflow = project.compiled(&[]);
    let expected: Edges = workflow
        .tasks()
        .into_iter()
        .flat_map(|(step, needs)| needs.into_iter().map(move |need| (need, step.clone())))
        .collect();
    assert_eq!(expected.len(), 15);
    let at_the_end: Edges = ["compare-models", "summarise-prices"]
        .map(|step| (step.to_owned(), "on-exit".to_owned()))
        .into();

    let mermaid = graph(&project, &["--format", "mermaid"]);
    assert!(mermaid.starts_with("---\ntitle: \"Spaceflights: __default__\"\n---\nflowchart TD\n"));
    assert_eq!(edges(&mermaid, " --> "), expected);
    assert_eq!(edges(&mermaid, " -.-> "), at_the_end);
    let (volume, outside) = mermaid.split_once("\n  end\n").unwrap();
    assert!(volume.contains("subgraph volume[\"volume 1Gi, ReadWriteMany, gone with the run\"]"));
    assert_eq!(volume.matches("    step_").count(), 12, "all but the exit handler mount it");
    assert!(outside.contains("step_on_exit([\"on-exit<br/>pipeline notify\"])"), "{outside}");
    let labelled = "[\"compare-models\"]\n";
    assert!(volume.contains(labelled), "a node is not named twice: {volume}");
    let both = "\"active-modelling-pipeline-split-data<br/>active_modelling_pipeline.split_data\"";
    assert!(volume.contains(both), "{volume}");

    let dot = graph(&project, &["-f", "dot"]);
    let all: Edges = expected.union(&at_the_end).cloned().collect();
    assert_eq!(edges(&dot, " -> "), all);
    assert_eq!(dot.matches("[style=dashed]").count(), 2);
    let (volume, _) = dot.split_once("\n  }\n").unwrap();
    assert_eq!(volume.matches("\n    \"").count(), 12);
}

#[test]
fn goes_where_it_is_told_and_is_always_the_same() {
    let project = Project::spaceflights(NEW);
    project.replace("conf/base/kubeflow.yaml", "  image: ", "  # image: ");
    for format in ["text", "mermaid", "dot"] {
        let first = graph(&project, &["-p", "data_science", "-f", format]);
        assert!(first.contains("Spaceflights: data_science"), "{first}");
        assert!(!first.contains("preprocess"), "{first}");
        let file = project.path().join("graph.out");
        let again =
            graph(&project, &["-p", "data_science", "-f", format, "-o", file.to_str().unwrap()]);
        assert_eq!(again, "");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), first);
    }
    let output = project.kubedro(&["graph", "-p", "data_sience"]).output().unwrap();
    assert_eq!(output.status.code(), Some(35));
    assert!(stderr(&output).contains("Did you mean `data_science`?"), "{}", stderr(&output));
    let output = project.kubedro(&["graph", "-o", "no/such/folder/x"]).output().unwrap();
    assert_eq!(output.status.code(), Some(37));
}

#[test]
fn one_pod_lists_all_its_nodes() {
    let project = Project::tiny(
        NEW,
        "
def register_pipelines():
    return {'__default__': pipeline([
        node(len, 'start', 'out_a', name='first'), node(abs, 'out_a', 'out_b', name='ns.second'),
    ])}
",
    );
    project.write("conf/base/kubeflow.yaml", "run_config:\n  node_merge_strategy: full\n");
    let output = project.kubedro(&["graph", "--quiet"]).output().unwrap();
    let expected = "\
Tiny: __default__
1 step on 1 level
no volume: the steps share no files

      step
1 ─ ○ default
        first
        ns.second
";
    assert_eq!(stdout(&output), expected);
    let mermaid = graph(&project, &["-f", "mermaid"]);
    assert!(!mermaid.contains("subgraph"), "{mermaid}");
    assert!(
        mermaid.contains("\n  step_default[\"default<br/>first<br/>ns.second\"]\n"),
        "{mermaid}"
    );
    let dot = graph(&project, &["-f", "dot"]);
    assert!(!dot.contains("cluster"), "{dot}");
    assert!(dot.contains("\n  \"default\" [label=\"default\\nfirst\\nns.second\"]\n"), "{dot}");
}

#[test]
fn hostile_names_stay_within_their_quotes() {
    let project = Project::tiny(
        NEW,
        "
def register_pipelines():
    return {'__default__': pipeline([node(len, 'start', 'out_a', name='a')]),
            'b\"y]e -> \\\\N &amp; <x>\\n}': pipeline([node(abs, 'out_a', 'out_b', name='b')])}
",
    );
    project.replace("pyproject.toml", "\"Tiny\"", "'a\"; } <b> &lt; \\l é'");
    let exit = "\n  on_exit_pipeline: \"b\\\"y]e -> \\\\N &amp; <x>\\n}\"\n";
    project.replace("conf/base/kubeflow.yaml", "\n  volume", &format!("{exit}  volume"));
    let dot = graph(&project, &["-f", "dot"]);
    let title = r#"[label="a\"; } <b> &amp;lt; \\l é: __default__""#;
    assert!(dot.contains(title), "{dot}");
    let label = r#"[label="on-exit\npipeline b\"y]e -> \\N &amp;amp; <x>\\n}""#;
    assert!(dot.contains(label), "{dot}");
    let mermaid = graph(&project, &["-f", "mermaid"]);
    let label =
        "<br/>pipeline b#34;y#93;e #45;#62; #92;N #38;amp#59; #60;x#62;#92;#8288;n#125;\"])\n";
    assert!(mermaid.contains(label), "{mermaid}");
}
