"""Opening links: what a token shows, to whom, and why not."""

from __future__ import annotations

from attrs import frozen

from awaitly_web.core import Approval, Err, LinkClaim, LinkRefused, Ok, Result
from awaitly_web.site import Site

__all__ = ["Opened", "opened"]


@frozen
class Opened:
    """What a link leads to: `claim` says who may look, `approval` is as it stands.

    It may be decided by now, by whomever; what it proposes is what the link was made for.
    """

    claim: LinkClaim
    approval: Approval


async def opened(site: Site, token: str) -> Result[Opened, LinkRefused]:
    """Read a token, by the store's clock, against what stands there now. It changes nothing.

    `STALE`: the approval was edited since, asked anew, or is gone. Whether the person of the claim may decide, only
    deciding says: a link lets somebody look.
    """
    if site.links is None:
        return Err(LinkRefused.NOT_OURS)
    match site.links.read(token, await site.orchestrator.now()):
        case Err(refusal):
            return Err(refusal)
        case Ok(claim):
            pass
    match await site.orchestrator.status(claim.run_id):
        case Err(_):
            return Err(LinkRefused.STALE)
        case Ok(details):
            pass
    approval = next((each for each in details.approvals if each.key == claim.key), None)
    if approval is None or (approval.revision, approval.digest) != (claim.revision, claim.digest):
        return Err(LinkRefused.STALE)
    return Ok(Opened(claim, approval))
