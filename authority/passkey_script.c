/* SPDX-License-Identifier: Apache-2.0 */
#include "authority/passkey_script.h"

/* Conditional mediation offers passkeys where the name is typed; it waits until the button ends it. The button appears
 * only where it can work. */
static const char script[] =
    "(async()=>{"
    "const form=document.getElementById('passkey'),d=form.dataset,"
    "button=document.getElementById('passkey-button'),failed=document.getElementById('passkey-failed');"
    "if(!window.PublicKeyCredential)return;"
    "const none=document.getElementById('passkey-none');if(none)none.remove();"
    "const bytes=t=>Uint8Array.from(atob(t.replace(/-/g,'+').replace(/_/g,'/')),c=>c.charCodeAt(0)),"
    "text=b=>btoa(Array.from(new Uint8Array(b),c=>String.fromCharCode(c)).join(''))"
    ".replace(/\\+/g,'-').replace(/\\//g,'_').replace(/=+$/,''),"
    "keys=t=>t?t.split(' ').map(id=>({type:'public-key',id:bytes(id)})):[];"
    "let waiting;"
    "const make=()=>navigator.credentials.create({publicKey:{challenge:bytes(d.challenge),"
    "rp:{id:d.rp,name:d.rpName},user:{id:bytes(d.user),name:d.userName,displayName:d.userName},"
    "pubKeyCredParams:d.algorithms.split(' ').map(n=>({type:'public-key',alg:Number(n)})),"
    "excludeCredentials:keys(d.known),attestation:'none',"
    "authenticatorSelection:{residentKey:'preferred',userVerification:'preferred'}}});"
    "const use=mediation=>{"
    "if(waiting)waiting.abort();"
    "waiting=new AbortController();"
    "return navigator.credentials.get({mediation,signal:waiting.signal,publicKey:{challenge:bytes(d.challenge),"
    "rpId:d.rp,userVerification:d.verification,allowCredentials:keys(d.known)}})};"
    "const send=c=>{"
    "const r=c.response,set=(name,value)=>{form.elements[name].value=value?text(value):''};"
    "set('credential',c.rawId);set('client_data',r.clientDataJSON);"
    "if(d.user){set('attestation',r.attestationObject)}"
    "else{set('authenticator_data',r.authenticatorData);set('signature',r.signature);set('user_handle',r.userHandle)}"
    "form.submit()};"
    "button.hidden=false;"
    "button.addEventListener('click',async()=>{"
    "failed.hidden=true;"
    "try{send(await(d.user?make():use('optional')))}"
    "catch(error){failed.hidden=false}});"
    "if(d.autofill&&PublicKeyCredential.isConditionalMediationAvailable&&"
    "await PublicKeyCredential.isConditionalMediationAvailable())"
    "try{send(await use('conditional'))}catch(error){}"
    "})()";

struct sp_str sp_passkey_script(void)
{
    return SP_STR(script);
}
