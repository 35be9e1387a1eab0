"""State machines and the rules that start them, as they are in AWS: bound by their roles, and failing under AWS's names.

Called by local/emulator_process.py, under the same terms: each function fills one gap, by reaching into the emulator.
"""

import json
from contextvars import ContextVar

from ministack.core import iam_actions
from ministack.core.iam_evaluator import EvalContext, _gather_role_policies, evaluate
from ministack.core.responses import get_account_id, get_region
from ministack.services import stepfunctions

# The machine whose task is being carried out in this thread, and the token that task waits for.
_machine: ContextVar[dict] = ContextVar("machine")
_token: ContextVar[str | None] = ContextVar("token", default=None)

# The machine's ARN of every token there ever was: what comes too late is still authorized on it.
_machine_of_token: dict[str, str] = {}


def fill_machines_gaps() -> None:
    """All of the below."""
    machines_have_roles()
    tokens_belong_to_machines()
    waiting_tasks_fail_with_their_function()
    names_of_failures()


def machines_have_roles() -> None:
    """Gap: a machine's tasks may do anything, whatever its role says."""
    execute, invoke, wait = stepfunctions._execute_task, stepfunctions._invoke_resource, stepfunctions._invoke_with_callback

    def executed(state, given, execution, context):
        _machine.set(stepfunctions._state_machines[execution["stateMachineArn"]])
        return execute(state, given, execution, context)

    def invoked(resource, given):
        _refuse_without_leave(resource, given)
        return invoke(resource, given)

    def waited(resource, given, token, state):
        _refuse_without_leave(resource.replace(".waitForTaskToken", ""), given)
        _machine_of_token[token] = _machine.get()["stateMachineArn"]
        _token.set(token)
        try:
            return wait(resource, given, token, state)
        finally:
            _token.set(None)

    stepfunctions._execute_task = executed
    stepfunctions._invoke_resource = invoked
    stepfunctions._invoke_with_callback = waited


def machine_logging(arn: str, properties: dict) -> None:
    """Gap: a machine's logging is kept as a template writes it, in words that no client knows, and its tracing not at all. To be called after
    provisioning."""
    machine = stepfunctions._state_machines[arn]
    machine["loggingConfiguration"] = _uncapitalized(properties.get("LoggingConfiguration", {"Level": "OFF"}))
    machine["tracingConfiguration"] = _uncapitalized(properties.get("TracingConfiguration", {"Enabled": False}))


def tokens_belong_to_machines() -> None:
    """Gap: whoever sends a task token is authorized on no machine, so that no policy but one on `*` would do."""
    extract = iam_actions.extract_resource_arn

    def extracted(service, method, path, headers, body, *rest):
        if service == "states" and headers.get("x-amz-target", "").startswith("AWSStepFunctions.SendTask"):
            return _machine_of_token.get(json.loads(body).get("taskToken"), "*")
        return extract(service, method, path, headers, body, *rest)

    iam_actions.extract_resource_arn = extracted


def waiting_tasks_fail_with_their_function() -> None:
    """Gap: when the function that was given a token fails, its task goes on waiting for the token."""
    call = stepfunctions._call_lambda

    def called(function, event):
        try:
            return call(function, event)
        except stepfunctions._ExecutionError as failed:
            waiting = stepfunctions._task_tokens.get(_token.get())
            if waiting:
                waiting["error"] = {"Error": failed.error, "Cause": failed.cause}
                waiting["event"].set()
            raise

    stepfunctions._call_lambda = called


def names_of_failures() -> None:
    """Gap: that an execution exists already has another name in a machine than in AWS."""
    start = stepfunctions._invoke_nested_start_execution

    def started(resource, given):
        try:
            return start(resource, given)
        except stepfunctions._ExecutionError as failed:
            if failed.error != "ExecutionAlreadyExists":
                raise
            raise stepfunctions._ExecutionError("StepFunctions.ExecutionAlreadyExistsException", failed.cause) from failed

    stepfunctions._invoke_nested_start_execution = started


def role_allows(role: str, action: str, resource: str) -> bool:
    """Whether the role's own policies let it do `action` with `resource` (ARNs)."""
    account = get_account_id()
    asked = EvalContext(
        principal_arn=role,
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=get_region(),
    )
    return evaluate(asked, _gather_role_policies(role.rpartition("/")[2], account)).decision == "Allow"


def _uncapitalized(value):
    match value:
        case dict():
            return {name[0].lower() + name[1:]: _uncapitalized(each) for name, each in value.items()}
        case list():
            return [_uncapitalized(each) for each in value]
    # CloudFormation may hand booleans over as text.
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def _refuse_without_leave(resource: str, given: dict) -> None:
    action, target = _asked_for(resource, given)
    machine = _machine.get()
    if not role_allows(machine["roleArn"], action, target):
        raise stepfunctions._ExecutionError("States.Permissions", f"{machine['roleArn']} may not {action} with {target}")


def _asked_for(resource: str, given: dict) -> tuple[str, str]:
    if ":function:" in resource:
        return "lambda:InvokeFunction", resource
    match resource.partition(":states:::")[2]:
        case "lambda:invoke":
            return "lambda:InvokeFunction", given["FunctionName"]
        case "sqs:sendMessage":
            return "sqs:SendMessage", f"arn:aws:sqs:{get_region()}:{get_account_id()}:{given['QueueUrl'].rpartition('/')[2]}"
        case "sns:publish":
            return "sns:Publish", given["TopicArn"]
        case "states:startExecution":
            return "states:StartExecution", given["StateMachineArn"]
    raise stepfunctions._ExecutionError("States.Runtime", f"local/emulator_machines.py does not know {resource}")
