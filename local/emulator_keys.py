"""What the emulator's key service leaves out.

Called by local/emulator_process.py, under the same terms: it fills gaps, by reaching into the emulator.
"""

import json

from ministack.core import iam_actions
from ministack.services import kms


def fill_keys_gaps() -> None:
    """Changes the emulator in this process."""
    contexts_are_conditions()
    blobs_are_encrypted_anew()
    what_is_encrypted_anew_is_of_its_key()


def contexts_are_conditions() -> None:
    """Gap: no request carries kms:EncryptionContextKeys or kms:EncryptionContext:…, so that a condition on them never holds."""
    without = iam_actions.request_tag_context

    def context(service, action, body, params):
        told = without(service, action, body, params)
        if service != "kms":
            return told
        request = json.loads(body or b"{}")
        named = request.get("EncryptionContext") or request.get("SourceEncryptionContext") or {}
        pairs = {f"kms:encryptioncontext:{name}": [value] for name, value in named.items()}
        return told | pairs | ({"kms:encryptioncontextkeys": list(named)} if named else {})

    iam_actions.request_tag_context = context


def blobs_are_encrypted_anew() -> None:
    """Gap: ReEncrypt is unknown."""
    handle = kms.handle_request

    async def handled(method, path, headers, body, query):
        if not headers.get("x-amz-target", "").endswith(".ReEncrypt"):
            return await handle(method, path, headers, body, query)
        request = json.loads(body)
        source = {"CiphertextBlob": request["CiphertextBlob"], "EncryptionContext": request.get("SourceEncryptionContext", {})}
        status, answered, opened = kms._decrypt(source)
        if status != 200:
            return status, answered, opened
        opened = json.loads(opened)
        context = request.get("DestinationEncryptionContext", {})
        plain = {"KeyId": request["DestinationKeyId"], "Plaintext": opened["Plaintext"], "EncryptionContext": context}
        status, answered, sealed = kms._encrypt(plain)
        if status != 200:
            return status, answered, sealed
        told = json.loads(sealed) | {"SourceKeyId": opened["KeyId"]}
        return status, answered, json.dumps(told).encode()

    kms.handle_request = handled


def what_is_encrypted_anew_is_of_its_key() -> None:
    """Gap: ReEncrypt is authorized on the key that its blob names, which a blob that is none does not."""
    extract = iam_actions.extract_resource_arn

    def extracted(service, method, path, headers, body, *rest):
        if service == "kms" and headers.get("x-amz-target", "").endswith(".ReEncrypt"):
            body = json.dumps({"KeyId": json.loads(body)["DestinationKeyId"]}).encode()
        return extract(service, method, path, headers, body, *rest)

    iam_actions.extract_resource_arn = extracted
