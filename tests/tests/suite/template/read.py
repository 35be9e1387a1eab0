# Run by template.rs, with `given` the path of template.yaml (tests::cloud::Cloud::ask). Leaves in `told` the template as it stands in AWS:
# IsCloud holds, in the first region, intrinsic functions are spelled out in full ({"Ref": …}, {"Fn::GetAtt": […]}), and what !If leaves out is gone.
import yaml


class Loader(yaml.SafeLoader):
    pass


def spelled_out(loader, suffix, node):
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    construct = loader.construct_sequence if isinstance(node, yaml.SequenceNode) else loader.construct_mapping
    return {name: construct(node, deep=True)}


Loader.add_multi_constructor("!", spelled_out)
# Dates stay what they are written as: a policy's version.
Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in Loader.yaml_implicit_resolvers.items()
}
GONE = {"Ref": "AWS::NoValue"}


def in_the_cloud(part):
    match part:
        case {"Fn::If": ["IsCloud" | "WatchesTheAccount", chosen, _]}:
            return in_the_cloud(chosen)
        case dict():
            kept = {name: in_the_cloud(value) for name, value in part.items()}
            return {name: value for name, value in kept.items() if value != GONE}
        case list():
            return [value for value in map(in_the_cloud, part) if value != GONE]
    return part


with open(given) as template:
    told = in_the_cloud(yaml.load(template, Loader))
