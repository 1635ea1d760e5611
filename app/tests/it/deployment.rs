//! The files that deploy the service, read as text: what they mount is there, what they run is pinned,
//! what they publish is meant to be, and nothing fills a disk with logs.
//!
//! Whether an engine accepts them is asked of `docker` in CI; no engine is needed here.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use crate::installed::skip;
use crate::notice::root;

const FILES: [&str; 2] = ["compose/compose.yaml", "compose/swarm.yaml"];

/// The lines of each service, without their indentation of four.
fn services(file: &str) -> BTreeMap<String, Vec<String>> {
    let text = read(file);
    let (_, rest) = text.split_once("\nservices:\n").unwrap();
    let mut services = BTreeMap::<String, Vec<String>>::new();
    let mut current = String::new();
    for line in rest.lines().take_while(|line| line.is_empty() || line.starts_with(' ')) {
        if let Some(line) = line.strip_prefix("    ") {
            services.get_mut(&current).unwrap().push(line.to_owned());
        } else if let Some(name) = line.trim().strip_suffix(':') {
            name.clone_into(&mut current);
            services.insert(current.clone(), Vec::new());
        }
    }
    assert!(services.len() >= 4, "{file}: {:?}", services.keys());
    services
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

/// The items of the list under a key.
fn list<'a>(service: &'a [String], key: &str) -> Vec<&'a str> {
    let header = format!("{key}:");
    let lines = service.iter().skip_while(|line| **line != header).skip(1);
    let items = lines.take_while(|line| line.starts_with("  "));
    items.filter_map(|line| line.trim().strip_prefix("- ")).collect()
}

fn value<'a>(service: &'a [String], key: &str) -> Option<&'a str> {
    service.iter().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
}

#[test]
fn every_image_is_pinned_by_digest_or_is_ours() {
    for file in FILES {
        for (name, service) in services(file) {
            let image = value(&service, "image").unwrap();
            let is_ours = image.starts_with("${MINITWIT_IMAGE:");
            let digest = image.split_once("@sha256:").map_or("", |(_, digest)| digest);
            let is_digest = digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit());
            assert!(is_ours || is_digest, "{file}: {name} runs {image}");
        }
    }
    let dockerfile = read("compose/Dockerfile");
    for line in dockerfile.lines().filter_map(|line| line.strip_prefix("FROM ")) {
        let is_named = line.starts_with("chef ") || line.starts_with("${");
        assert!(is_named, "an image of the Dockerfile is not given as an argument: {line}");
    }
    let images: Vec<_> = dockerfile.lines().filter(|line| line.contains("_IMAGE=")).collect();
    assert_eq!(images.len(), 2);
    assert!(images.iter().all(|image| image.contains("@sha256:")), "{images:?}");
}

#[test]
fn every_service_is_hardened_and_limited() {
    for file in FILES {
        let text = read(file);
        for setting in ["max-size: ", "max-file: ", "read_only: true", "cap_drop: [ALL]"] {
            assert!(
                text.split("\nservices:").next().unwrap().contains(setting),
                "{file}: {setting}"
            );
        }
        assert!(text.contains("  logging: *logging\n"), "{file}");
        for (name, service) in services(file) {
            let has = |line: &str| service.iter().any(|known| known.trim().starts_with(line));
            assert!(has("<<: *service"), "{file}: {name} has no log limit");
            assert!(has("limits: {"), "{file}: {name} has no limit of memory and processors");
            assert!(has("healthcheck:"), "{file}: {name} has no health check");
            for forbidden in ["logging:", "privileged:", "network_mode:", "read_only: false"] {
                assert!(!has(forbidden), "{file}: {name} has {forbidden}");
            }
        }
    }
}

/// What `docker stack deploy` makes of a service: `cli/compose/convert/service.go` of Docker 20.10. It drops other
/// keys without a word, so that a read-only nginx is left without the place for its files.
const STACK_KEYS: [&str; 31] = [
    "<<",
    "cap_add",
    "cap_drop",
    "command",
    "configs",
    "credential_spec",
    "deploy",
    "dns",
    "dns_search",
    "entrypoint",
    "environment",
    "extra_hosts",
    "healthcheck",
    "hostname",
    "image",
    "init",
    "isolation",
    "labels",
    "logging",
    "networks",
    "ports",
    "read_only",
    "secrets",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "sysctls",
    "tty",
    "ulimits",
    "user",
    "volumes",
];

/// The keys of services and of the extensions they merge that a stack drops.
fn dropped_by_a_stack(text: &str) -> Vec<String> {
    let mut dropped = Vec::new();
    let mut inside = "";
    for line in text.lines() {
        let Some((key, _)) = line.trim_start().split_once(':') else { continue };
        let depth = line.len() - line.trim_start().len();
        if depth == 0 {
            inside = key;
        }
        let is_setting = match inside {
            "services" => depth == 4,
            "x-service" => depth == 2,
            _ => false,
        };
        let is_key = key.bytes().all(|byte| byte.is_ascii_lowercase() || b"_<".contains(&byte));
        if is_setting && is_key && !STACK_KEYS.contains(&key) {
            dropped.push(key.to_owned());
        }
    }
    dropped
}

#[test]
fn a_stack_takes_every_setting_of_the_swarm() {
    let swarm = read("compose/swarm.yaml");
    assert!(swarm.contains("\nversion: \"3.9\"\n"), "Docker 20.10 takes it for format 1");
    assert_eq!(dropped_by_a_stack(&swarm), Vec::<String>::new());
    let compose = dropped_by_a_stack(&read("compose/compose.yaml"));
    for known in ["tmpfs", "restart", "security_opt", "depends_on"] {
        assert!(compose.iter().any(|key| key == known), "{known} was not found: {compose:?}");
    }
}

#[test]
fn only_nginx_is_public() {
    for (name, service) in services("compose/compose.yaml") {
        for port in list(&service, "ports") {
            let is_public = !port.starts_with("127.0.0.1:");
            assert!(!is_public || name == "nginx", "{name} publishes {port}");
        }
    }
    for (name, service) in services("compose/swarm.yaml") {
        let ports = list(&service, "ports");
        assert!(ports.iter().all(|port| name == "nginx" && port.contains("mode: host")), "{name}");
    }
}

#[test]
fn every_mounted_file_exists() {
    let mut checked = 0;
    let mut check = |file: &str, path: &str| {
        let path = root().join("compose").join(path);
        checked += 1;
        assert!(path.exists(), "{file} mounts {}, which is missing", path.display());
    };
    let made_by_setup = ["./tls"];
    for file in FILES {
        for service in services(file).values() {
            for mount in list(service, "volumes") {
                let source = mount.split(':').next().unwrap();
                if source.starts_with('.') && !made_by_setup.contains(&source) {
                    check(file, source);
                }
            }
        }
        let text = read(file);
        let files = text.lines().filter_map(|line| line.trim().strip_prefix("file: "));
        files.for_each(|path| check(file, path));
    }
    assert!(checked > 20, "only {checked} mounts were found");
}

#[test]
fn the_swarm_gets_every_dashboard_and_alert() {
    let swarm = read("compose/swarm.yaml");
    for (folder, ending) in [("alerts/grafana", "yaml"), ("dashboards", "json")] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            // Beside the dashboards is the program that generates them.
            if path.extension().is_none_or(|end| end != ending) {
                continue;
            }
            let name = path.file_name().unwrap().to_str().unwrap();
            let file = format!("    file: ../{folder}/{name}\n");
            let (_, target) = swarm
                .split_once(&file)
                .map_or(("", ""), |(before, _)| before.rsplit_once("\n  ").unwrap_or_default());
            assert!(
                target.contains("_${CONFIG_VERSION}\n"),
                "{folder}/{name} has no name of its content"
            );
            assert!(swarm.contains(&format!("/{name}\n")), "{folder}/{name} is mounted nowhere");
        }
    }
}

/// Runs the test of a script.
fn passes(test: &str) {
    let test = root().join(".github/scripts/tests").join(test);
    let output = Command::new(&test).output().unwrap();
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {report}", test.display());
}

#[test]
fn a_deployment_that_does_not_work_is_taken_back() {
    passes("deploy.sh");
}

#[test]
fn a_lost_postgresql_is_restored() {
    passes("postgres.sh");
}

#[test]
fn a_release_says_what_changed() {
    passes("release-notes.sh");
    passes("release.sh");
}

#[test]
fn one_machine_is_set_up_without_showing_secrets() {
    passes("setup.sh");
}

/// Chroot and mounts need root.
#[test]
fn the_program_runs_in_the_root_file_system_of_the_image() {
    if !rustix::process::geteuid().is_root() {
        return skip("root");
    }
    let script = root().join(".github/scripts/image-test.sh");
    let output = Command::new(script).arg(env!("CARGO_BIN_EXE_minitwit")).output().unwrap();
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}");
}

#[test]
fn secrets_are_files_that_setup_makes() {
    let (compose, setup) = (read("compose/compose.yaml"), read("compose/setup.sh"));
    let names: Vec<_> =
        compose.lines().filter_map(|line| line.split_once("{ file: ./secrets/")).collect();
    assert!(names.len() >= 4, "{names:?}");
    for (_, rest) in names {
        let name = rest.trim_end_matches(" }");
        assert!(setup.contains(&format!("\nsecret {name} ")), "setup.sh does not make {name}");
    }
    for file in FILES {
        for line in read(file).lines().filter(|line| line.contains("PASSWORD")) {
            let is_file = line.contains("_FILE: /run/secrets/");
            assert!(is_file || line.contains("MIN_PASSWORD"), "{file}: {line}");
        }
    }
}

#[test]
fn prometheus_scrapes_the_service_every_quarter_minute() {
    for file in ["compose/prometheus.yml", "compose/prometheus-swarm.yml"] {
        let text = read(file);
        assert!(text.contains("scrape_interval: 15s") && text.contains("evaluation_interval: 15s"));
        assert!(text.contains("- job_name: minitwit\n"), "{file}");
    }
    assert!(read("compose/prometheus.yml").contains("[\"app:5002\"]"));
    assert!(read("compose/prometheus-swarm.yml").contains("[tasks.app]"));
}

#[test]
fn actions_are_pinned_and_workflows_ask_for_little() {
    let workflows = fs::read_dir(root().join(".github/workflows")).unwrap();
    let mut checked = 0;
    for workflow in workflows.map(|entry| entry.unwrap().path()) {
        let text = fs::read_to_string(&workflow).unwrap();
        let name = workflow.display();
        assert!(text.contains("\npermissions: {}\n"), "{name} takes the default permissions");
        assert!(!text.contains("pull_request_target"), "{name} runs foreign code with secrets");
        assert_eq!(
            text.matches("    runs-on:").count(),
            text.matches("    timeout-minutes:").count(),
            "{name} has a job without a time limit"
        );
        for action in text.lines().filter_map(|line| line.split_once("uses: ")) {
            let revision = action.1.split('@').nth(1).unwrap_or("").split(' ').next().unwrap();
            let is_local = action.1.starts_with("./");
            let is_sha = revision.len() == 40 && revision.bytes().all(|b| b.is_ascii_hexdigit());
            assert!(is_local || is_sha && action.1.contains(" # v"), "{name}: {}", action.1);
            checked += 1;
        }
    }
    assert!(checked > 5, "only {checked} actions were found");
}

/// The texts of what deploys: workflows, scripts and the files they send.
fn everything_that_deploys() -> Vec<(String, String)> {
    let folders =
        [".github/workflows", ".github/scripts", ".github/hooks", "compose", "compose/terraform"];
    let mut texts = Vec::new();
    for folder in folders {
        for entry in fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()) {
            let is_made_here = entry.file_name().is_some_and(|name| name == ".env");
            if entry.is_file() && !is_made_here {
                texts.push((entry.display().to_string(), fs::read_to_string(&entry).unwrap()));
            }
        }
    }
    assert!(texts.len() > 25, "only {} files", texts.len());
    texts
}

#[test]
fn hosts_are_known_and_nothing_is_open_to_everybody() {
    let forbidden = [
        ("StrictHostKeyChecking=no", "talks to any host"),
        ("StrictHostKeyChecking=accept-new", "talks to any host"),
        ("chmod 777", "lets everybody write"),
        ("chmod -R 777", "lets everybody write"),
        (" root@", "logs in as root"),
        ("set -x", "shows what it expands"),
        ("curl -k", "believes any certificate"),
        ("--insecure", "believes any certificate"),
    ];
    for (file, text) in everything_that_deploys() {
        for (word, what) in forbidden {
            assert!(!text.contains(word), "{file} {what}: {word}");
        }
        let public = |word: &str| {
            let octets = word.split('.').map(str::parse::<u8>).collect::<Result<Vec<_>, _>>();
            octets.is_ok_and(|of| of.len() == 4 && !matches!(of[0], 0 | 10 | 127 | 172 | 198))
        };
        let mut words = text.split(|c: char| !(c.is_ascii_digit() || c == '.'));
        assert!(!words.any(public), "{file} knows the address of a machine");
    }
}

#[test]
fn secrets_reach_a_step_by_its_environment_and_are_not_shown() {
    let texts = everything_that_deploys();
    let workflows = texts.iter().filter(|(file, _)| file.contains("/.github/workflows/"));
    for (file, text) in workflows {
        for line in text.lines().filter(|line| line.contains("${{ secrets.")) {
            let (key, value) = line.trim().split_once(": ").unwrap();
            let is_a_value = value.starts_with("${{ secrets.") && value.ends_with("}}");
            assert!(is_a_value && key != "run" && key != "- run", "{file}: {line}");
        }
    }
}

/// What a job of a workflow needs, as the file writes it.
fn needs(workflow: &str, job: &str) -> String {
    let (_, rest) = workflow.split_once(&format!("\n  {job}:\n")).unwrap();
    let lines = rest.lines().take_while(|line| line.starts_with("    ") || line.is_empty());
    let mut needs = lines.filter_map(|line| line.strip_prefix("    needs: "));
    needs.next().unwrap_or_default().to_owned()
}

#[test]
fn nothing_is_deployed_that_was_not_checked_and_nothing_released_that_was_not_deployed() {
    let workflow = read(".github/workflows/deploy.yml");
    let order = [("image", "checks"), ("deploy", "image"), ("release", "[image, deploy]")];
    for (job, before) in order {
        assert_eq!(needs(&workflow, job), before, "{job} does not wait");
    }
    assert!(workflow.contains("uses: ./.github/workflows/ci.yml"), "the checks are others");
    // By digest from the build on: a tag can be moved between the checks and the machines.
    assert!(workflow.contains("outputs.image }}@${{ steps.build.outputs.digest }}"));
    assert!(!workflow.contains(":latest"), "a tag that moves is pushed");
    let checks = read(".github/workflows/ci.yml");
    for check in [
        "scripts/coverage.sh",
        "--features minitwit/chaos --test chaos",
        "scripts/simulation.sh",
        "scripts/lint-files.sh",
        "fail-build: true",
        "cargo deny",
    ] {
        assert!(checks.contains(check), "nothing runs {check}");
    }
    let tests = read(".github/scripts/coverage.sh");
    assert!(tests.contains("cargo llvm-cov --workspace --locked --fail-under-lines"), "{tests}");
}

#[test]
fn terraform_opens_the_web_alone_and_keeps_no_state_here() {
    let main = read("compose/terraform/main.tf");
    let open = "source_addresses = local.everywhere";
    assert_eq!(main.matches(open).count(), 1, "a rule more is open to everybody");
    let (rule, _) = main.split_once(open).unwrap();
    let (_, rule) = rule.rsplit_once("inbound_rule\"").unwrap();
    assert!(rule.contains(r#"for_each = ["80", "443"]"#), "{rule}");
    assert_eq!(main.matches("0.0.0.0/0").count(), 1, "a rule names everybody by itself");
    let ignored = read("compose/.gitignore");
    for made in [
        "/terraform/.terraform/",
        "/terraform/*.tfstate*",
        "/terraform/*.tfvars",
        "/secrets/",
        "/tls/",
    ] {
        assert!(ignored.lines().any(|line| line == made), "{made} can get into git");
    }
    assert!(!main.contains("remote-exec"), "a machine is told by hand");
}
