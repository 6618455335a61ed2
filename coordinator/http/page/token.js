// The token that the server wants: kept in this page's memory alone.
//
// Not in sessionStorage: who takes this port when the cluster has ended, another user of this host
// perhaps, would read it there by a page of the same address. A reload asks again; browsers offer
// to remember it as the password that it is.

let kept = null;

export const keep = (token) => { kept = token; };
export const forget = () => { kept = null; };
export const known = () => kept;
