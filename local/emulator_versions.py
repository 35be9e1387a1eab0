"""Versions of functions, which callers reach by an alias, as SAM makes them.

Called by local/emulator_process.py, under the same terms: it fills gaps, by reaching into the emulator.
"""

from contextvars import ContextVar

from ministack.services import lambda_svc
from ministack.services.cloudformation import changesets, engine, handlers
from samtranslator.translator import transform as sam


def fill_versions_gaps() -> None:
    """Both of the below."""
    parameters_reach_sam()
    versions_are_their_functions()


def parameters_reach_sam() -> None:
    """Gap: SAM is told no parameters, and goes by their defaults: what is to be deployed gradually in AWS would be here as well."""
    apply, transform = engine._apply_transforms, sam.transform
    told = ContextVar("the parameters of the template that is being expanded", default={})

    def applied(template, provided=None, previous=None):
        token = told.set(engine._transform_parameters(template, provided, previous))
        try:
            return apply(template, provided, previous)
        finally:
            told.reset(token)

    def transformed(template, _, policies):
        return transform(template, told.get(), policies)

    sam.transform, handlers._apply_transforms, changesets._apply_transforms = transformed, applied, applied


def versions_are_their_functions() -> None:
    """Gap: what a function has reserved, and where its failed events go, does not hold for the versions that its aliases lead to."""
    find, reserved = lambda_svc._effective_func_record_for_qualifier, lambda_svc._reserved_concurrency

    def found(function, qualifier):
        record, configuration = find(function, qualifier)
        if record is None or record is function:
            return record, configuration
        # The emulator looks for it under this name only.
        return record | {"event_invoke_configs": {"$LATEST": function.get("event_invoke_configs", {}).get(qualifier)}}, configuration

    def shared(function, configuration):
        return reserved(lambda_svc._functions.get(configuration.get("FunctionName")) or function, configuration)

    lambda_svc._effective_func_record_for_qualifier, lambda_svc._reserved_concurrency = found, shared
